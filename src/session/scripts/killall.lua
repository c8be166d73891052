-- Ends the sessions of an app, a batch at a time: first those in _sessions, then those that only
-- an id of _users leads to.
-- KEYS: _sessions, _users, SESSIONS.
-- ARGV: app, what the app's keys begin with, channel, largest batch (0: all at once).
-- Replies how many sessions were alive; in batches {that, 1 when there may be more}.
return run(function()
  local app, base, channel, limit = ARGV[1], ARGV[2], ARGV[3], tonumber(ARGV[4])
  local now, killed = clock(), 0

  -- Only keys that nobody named may be of another type.
  for i = 1, 3 do call('ZREM', KEYS[i], '') end

  local function batch(size)
    local plan = removal(KEYS[3], channel, true)
    local function kill(token, id)
      local session = read(base .. ':' .. token, true)
      if note_session(plan, session, base, app, token, id) and alive(session, now) then
        killed = killed + 1
      end
    end
    local entries = call('ZRANGE', KEYS[1], 0, size - 1)
    for _, entry in ipairs(entries) do
      local token, id = string.match(entry, '^([^:]*):(.*)$')
      if token then kill(token, id) end
      note(plan, 'ZREM', KEYS[1], entry)
    end
    local ids = #entries == 0 and call('ZRANGE', KEYS[2], 0, size - 1) or {}
    local room = size
    for _, id in ipairs(ids) do
      if room <= 0 then break end
      local tokens = redis.pcall('SRANDMEMBER', base .. ':us:' .. id, room)
      if tokens.err and string.sub(tokens.err, 1, 9) ~= 'WRONGTYPE' then
        fail(tokens)
      end
      for _, token in ipairs(tokens) do kill(token, id) end
      if #tokens == 0 then note(plan, 'ZREM', KEYS[2], id) end
      room = room - math.max(#tokens, 1)
    end
    remove(plan)
    return call('ZCOUNT', KEYS[1], '-inf', '+inf') + call('ZCOUNT', KEYS[2], '-inf', '+inf') > 0
  end

  if limit == 0 then
    while batch(100) do end
    return killed
  end
  if batch(limit) then return {killed, 1} end
  return {killed}
end)
