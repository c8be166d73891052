-- Reads a session, counts the reading and refreshes the session.
-- KEYS: the session, _sessions, _users, SESSIONS. ARGV: app:token.
-- Replies {id, w, ttl, idle, ip, d, no_resave, r}, or nil when no such session is alive.
-- Called far more often than all other scripts together: hence no prelude, which costs a closure
-- per function and call, and nothing in the reply that the caller can add.
local call, key = redis.pcall, KEYS[1]

-- As fail in the prelude.
local function failed(reply)
  local place = string.find(reply.err, "The user executing the script can't", 1, true)
  return place and {err = 'NOPERM ' .. string.sub(reply.err, place)} or reply
end

local session = call('HMGET', key, 'id', 'w', 'ttl', 'la', 'ip', 'd', 'no_resave')
if session.err then return failed(session) end
local id, ttl, la = session[1], tonumber(session[3]), tonumber(session[4])
if not (id and ttl and la and ttl % 1 == 0 and la % 1 == 0
  and ttl >= 0 and ttl < 1e15 and la >= 0 and la < 1e15) then return false end
local time = call('TIME')
if time.err then return failed(time) end
local idle = time[1] - la
if idle > ttl then return false end
session[3] = ttl

if idle ~= 0 then
  -- Scores count seconds: in the second of the last refresh the indexes have nothing to learn.
  -- A write without effect meets every refusal (wrong type, no right, no memory) that the real
  -- one would meet: what can be refused is refused before anything has changed.
  for i = 2, 4 do
    local probe = call('ZADD', KEYS[i], 'XX', 'GT', '-inf', '')
    if type(probe) == 'table' then return failed(probe) end
  end
end
local r = call('HINCRBY', key, 'r', '1')
if type(r) == 'table' then return failed(r) end
if idle ~= 0 then
  local fields = {'la', time[1]}
  if session[7] == '1' then
    ttl = ttl - idle
    session[3] = ttl
    fields = {'la', time[1], 'ttl', string.format('%.0f', ttl)}
  end
  local written = call('HSET', key, unpack(fields))
  if type(written) == 'table' then
    call('HINCRBY', key, 'r', '-1')
    return failed(written)
  end
  local member = ARGV[1] .. ':' .. id
  call('ZADD', KEYS[2], time[1], string.sub(member, #ARGV[1] - 63))
  call('ZADD', KEYS[3], time[1], id)
  call('ZADD', KEYS[4], string.format('%.0f', time[1] + ttl), member)
end
session[4], session[8] = idle > 0 and idle or 0, r
return session
