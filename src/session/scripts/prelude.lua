-- What scripts share: refusals, the clock, sessions as they are stored and as they are shown.

-- Ends the script (see run) with an error reply.
local function refuse(text)
  error({refusal = {err = text}}, 0)
end

-- Ends the script with a command's error, in the server's own words. Before Redis 7.2 a missing
-- right has no code of its own inside scripts: it gets the one that it has outside.
local function fail(reply)
  local place = string.find(reply.err, "The user executing the script can't", 1, true)
  refuse(place and 'NOPERM ' .. string.sub(reply.err, place) or reply.err)
end

-- Runs a command, whose error ends the script.
local function call(...)
  local reply = redis.pcall(...)
  if type(reply) == 'table' and reply.err then fail(reply) end
  return reply
end

-- Runs the body of a script; its reply is what the body returns, or the refusal that ended it.
local function run(body)
  local finished, result = pcall(body)
  if finished then return result end
  if type(result) == 'table' then return result.refusal end
  error(result, 0)
end

-- Meets the refusals of a write to a key before anything has changed. Servers since Redis 7 can
-- be asked. Before that a right on a key covered reads and writes alike, and the key was read.
local function permit(...)
  if redis.acl_check_cmd and not redis.acl_check_cmd(...) then call(...) end
end

-- As permit, and meets a wrong type and a lack of memory too: a ZADD without effect.
local function permit_zadd(key)
  call('ZADD', key, 'XX', 'GT', '-inf', '')
end

-- The server's clock in whole seconds.
local function clock()
  return tonumber(call('TIME')[1])
end

-- A number without fraction as text; Lua's own conversion turns to exponents.
local function digits(number)
  return string.format('%.0f', number)
end

-- A stored number of seconds; nil for what is none.
local function seconds(text)
  local number = tonumber(text)
  if number and number % 1 == 0 and number >= 0 and number < 1e15 then return number end
end

-- The stored session; of what is no session, no field is there. With `lenient`, a key of another
-- type is no session instead of an error.
local function read(key, lenient)
  local fields = redis.pcall('HMGET', key,
    'id', 'w', 'ttl', 'la', 'ip', 'd', 'no_resave', 'r')
  if fields.err then
    if not lenient or string.sub(fields.err, 1, 9) ~= 'WRONGTYPE' then
      fail(fields)
    end
    return {foreign = true}
  end
  return {
    id = fields[1], ttl = seconds(fields[3]), la = seconds(fields[4]),
    no_resave = fields[7] == '1', fields = fields,
  }
end

-- Whether the session has not ended: its last second counts.
local function alive(session, now)
  return session.id and session.la and session.ttl and now - session.la <= session.ttl
end

-- The session as replies show it; idle counts from before any refresh.
local function view(session, now)
  local fields, idle = session.fields, now - session.la
  fields[3] = session.no_resave and session.ttl - idle or session.ttl
  fields[4] = idle > 0 and idle or 0
  return fields
end

-- The session as an item of a listing, with what to sort and to tell it by.
local function item(session, now, token)
  local fields = view(session, now)
  fields[9], fields[10] = digits(session.la), token
  return fields
end
