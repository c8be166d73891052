-- Reads sessions of one app, counts the reading and refreshes them.
-- KEYS: the sessions, _sessions, _users, SESSIONS. ARGV: app.
-- Replies {id, w, ttl, idle, ip, d, no_resave, r}, or nil when no such session is alive; for several
-- sessions an array of that.
-- Called far more often than all other scripts together: hence no prelude, which costs a closure
-- per function and call, and nothing in the reply that the caller can add.
local call, last = redis.pcall, #KEYS - 3
-- The clock, once it is known; what to enter in the indexes, once anything is.
local now, sessions, users, expiries

local function get(key)
  local session = call('HMGET', key, 'id', 'w', 'ttl', 'la', 'ip', 'd', 'no_resave')
  if session.err then return session end
  local id, ttl, la = session[1], tonumber(session[3]), tonumber(session[4])
  if not (id and ttl and la and ttl % 1 == 0 and la % 1 == 0
    and ttl >= 0 and ttl < 1e15 and la >= 0 and la < 1e15) then return false end
  if not now then
    local time = call('TIME')
    if time.err then return time end
    now = time[1]
  end
  local idle = now - la
  if idle > ttl then return false end
  session[3] = ttl

  if idle ~= 0 and not sessions then
    -- Scores count seconds: in the second of the last refresh the indexes have nothing to learn.
    -- A write without effect meets every refusal (wrong type, no right, no memory) that the real
    -- one would meet: what can be refused is refused before anything has changed.
    for i = last + 1, last + 3 do
      local probe = call('ZADD', KEYS[i], 'XX', 'GT', '-inf', '')
      if type(probe) == 'table' then return probe end
    end
    sessions, users, expiries = {KEYS[last + 1]}, {KEYS[last + 2]}, {KEYS[last + 3]}
  end
  local r = call('HINCRBY', key, 'r', '1')
  if type(r) == 'table' then return r end
  if idle ~= 0 then
    local written
    if session[7] == '1' then
      ttl = ttl - idle
      session[3] = ttl
      written = call('HSET', key, 'la', now, 'ttl', string.format('%.0f', ttl))
    else
      written = call('HSET', key, 'la', now)
    end
    if type(written) == 'table' then
      call('HINCRBY', key, 'r', '-1')
      return written
    end
    local n, member = #users + 1, string.sub(key, -64) .. ':' .. id
    sessions[n], sessions[n + 1] = now, member
    users[n], users[n + 1] = now, id
    expiries[n], expiries[n + 1] = string.format('%.0f', now + ttl), ARGV[1] .. ':' .. member
  end
  session[4], session[8] = idle > 0 and idle or 0, r
  return session
end

local replies = {}
for i = 1, last do
  local reply = get(KEYS[i])
  if reply and reply.err then
    -- As fail in the prelude.
    local place = string.find(reply.err, "The user executing the script can't", 1, true)
    if place then reply = {err = 'NOPERM ' .. string.sub(reply.err, place)} end
  end
  replies[i] = reply
end
if users and #users > 1 then
  call('ZADD', unpack(sessions))
  call('ZADD', unpack(users))
  call('ZADD', unpack(expiries))
end
if last == 1 then return replies[1] end
return replies
