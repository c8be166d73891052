-- Looks for buckets with sessions among all keys, some keys at a time.
-- ARGV: where to go on (0: at the beginning), the pattern of their SESSIONS, how many keys to go past.
-- Replies {where to go on (0: nowhere), the keys found}.
return run(function()
  local page = call('SCAN', ARGV[1], 'MATCH', ARGV[2], 'COUNT', ARGV[3], 'TYPE', 'zset')
  return {page[1], unpack(page[2])}
end)
