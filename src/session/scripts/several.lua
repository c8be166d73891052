-- Calls `one` for several buckets and puts the replies together: counts are added up, listings follow
-- each other.
-- KEYS: those of each bucket. ARGV: how many buckets there are; for each, how many keys and arguments
-- it has; then the arguments of each.
local buckets = tonumber(ARGV[1])
local key, arg, count, listing = 0, 1 + 2 * buckets, 0, nil
for bucket = 1, buckets do
  local keys, args = {}, {}
  for i = 1, tonumber(ARGV[2 * bucket]) do keys[i] = KEYS[key + i] end
  for i = 1, tonumber(ARGV[2 * bucket + 1]) do args[i] = ARGV[arg + i] end
  key, arg = key + #keys, arg + #args
  local reply = one(keys, args)
  if type(reply) == 'number' then
    count = count + reply
  elseif reply.err then
    return reply
  elseif not listing then
    listing = reply
  else
    for i = 2, #reply do listing[#listing + 1] = reply[i] end
  end
end
return listing or count
