-- Creates a session.
-- KEYS: the session, us:{id}, _sessions, _users, SESSIONS.
-- ARGV: app, token, id, ip, ttl, d (empty: none), no_resave (1 or empty). Replies the token.
return run(function()
  local app, token, id, ip, ttl, d, no_resave = unpack(ARGV)
  local now = clock()
  local fields = {'id', id, 'r', '1', 'w', '1', 'ip', ip, 'la', digits(now), 'ttl', ttl}
  if d ~= '' then
    fields[#fields + 1], fields[#fields + 2] = 'd', d
  end
  if no_resave ~= '' then
    fields[#fields + 1], fields[#fields + 2] = 'no_resave', '1'
  end
  for i = 3, 5 do permit_zadd(KEYS[i]) end
  permit('HSET', KEYS[1], 'id', id)
  call('SADD', KEYS[2], token)
  local written = redis.pcall('HSET', KEYS[1], unpack(fields))
  if type(written) == 'table' then
    redis.pcall('SREM', KEYS[2], token)
    fail(written)
  end
  call('ZADD', KEYS[3], digits(now), token .. ':' .. id)
  call('ZADD', KEYS[4], digits(now), id)
  call('ZADD', KEYS[5], digits(now + ttl), app .. ':' .. token .. ':' .. id)
  return token
end)
