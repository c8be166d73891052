-- Ends all sessions of an id.
-- KEYS: us:{id}, _sessions, _users, SESSIONS.
-- ARGV: app, what the app's keys begin with, channel, id. Replies how many sessions were alive.
return run(function()
  local app, base, channel, id = unpack(ARGV)
  local now, killed = clock(), 0
  local tokens = call('SMEMBERS', KEYS[1])
  -- Only keys that nobody named may be of another type.
  for i = 2, 4 do call('ZREM', KEYS[i], '') end
  local plan = removal(KEYS[4], channel, true)
  for _, token in ipairs(tokens) do
    local session = read(base .. ':' .. token, true)
    if session.id and session.id ~= id then
      -- Another id's session: only the false entries go.
      note_entries(plan, base, app, token, id)
    else
      if alive(session, now) then killed = killed + 1 end
      note_session(plan, session, base, app, token, id)
    end
  end
  remove(plan)
  call('ZREM', KEYS[3], id)
  return killed
end)
