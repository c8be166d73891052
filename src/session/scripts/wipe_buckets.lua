-- Calls `one` for all buckets that have sessions, whatever their app.
-- ARGV: what the tags of buckets begin with, the pattern of their SESSIONS, how many keys to go past
-- in one look, how many buckets an app has, then the arguments of `one` behind the first.
-- Replies how many expired sessions were removed.
return run(function()
  local tag, pattern, step, buckets = ARGV[1], ARGV[2], ARGV[3], tonumber(ARGV[4])
  local cursor, wiped = '0', 0
  repeat
    local page = call('SCAN', cursor, 'MATCH', pattern, 'COUNT', step, 'TYPE', 'zset')
    cursor = page[1]
    for _, key in ipairs(page[2]) do
      local app, bucket = string.match(string.sub(key, #tag + 1),
        '^([%w_-]+):(%d%d%d%d)}:SESSIONS$')
      if app and #app >= 3 and #app <= 20 and tonumber(bucket) < buckets then
        local reply = one({key}, {tag .. app .. ':' .. bucket .. '}', unpack(ARGV, 5)})
        if type(reply) ~= 'number' then return reply end
        wiped = wiped + reply
      end
    end
  until cursor == '0'
  return wiped
end)
