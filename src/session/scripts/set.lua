-- Changes the data of a session, counts the writing and refreshes the session.
-- KEYS: the session, _sessions, _users, SESSIONS.
-- ARGV: app, token, channel, largest d in bytes, then per change: the key, and `"key":value` or
-- nothing to remove it. Replies as GET does, with the data as it is now.
return run(function()
  local app, token, channel, limit = ARGV[1], ARGV[2], ARGV[3], ARGV[4]
  local key, now = KEYS[1], clock()
  local session = read(key)
  if not alive(session, now) then return false end
  local changes = {}
  for i = 5, #ARGV, 2 do changes[#changes + 1] = {ARGV[i], ARGV[i + 1]} end
  local stored = session.fields[6]
  local d = merge(stored or '{}', changes)
  if d and #d > tonumber(limit) then
    refuse('INVALIDVALUE d is larger than ' .. limit .. ' bytes')
  end

  local idle = now - session.la
  local reply = view(session, now)
  local refreshed = idle ~= 0
  if refreshed then
    for i = 2, 4 do permit_zadd(KEYS[i]) end
  end
  local emptied = stored and not d
  local fields, before = {}, {}
  if refreshed then
    fields, before = {'la', digits(now)}, {'la', digits(session.la)}
    if session.no_resave then
      fields[3], fields[4] = 'ttl', digits(reply[3])
      before[3], before[4] = 'ttl', digits(session.ttl)
    end
  end
  if d then fields[#fields + 1], fields[#fields + 2] = 'd', d end
  if #fields > 0 then permit('HSET', key, 'id', session.id) end
  if emptied then permit('HDEL', key, 'd') end

  local w = call('HINCRBY', key, 'w', '1')
  local written = #fields > 0 and redis.pcall('HSET', key, unpack(fields))
  local removed = type(written) ~= 'table' and emptied and redis.pcall('HDEL', key, 'd')
  for _, answer in ipairs({written, removed}) do
    if type(answer) == 'table' then
      redis.pcall('HINCRBY', key, 'w', '-1')
      if answer == removed and refreshed then redis.pcall('HSET', key, unpack(before)) end
      fail(answer)
    end
  end
  if refreshed then
    call('ZADD', KEYS[2], digits(now), token .. ':' .. session.id)
    call('ZADD', KEYS[3], digits(now), session.id)
    call('ZADD', KEYS[4], digits(now + reply[3]), app .. ':' .. token .. ':' .. session.id)
  end
  redis.pcall('PUBLISH', channel, app .. ':' .. token)
  reply[2], reply[6] = w, d or false
  return reply
end)
