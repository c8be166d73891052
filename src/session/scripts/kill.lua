-- Ends sessions of an app.
-- KEYS: _sessions, _users, SESSIONS, then the sessions.
-- ARGV: app, what the app's keys begin with, channel, then the tokens, none twice, in the order of
-- their keys. Replies how many sessions were alive.
return run(function()
  local app, base, channel = ARGV[1], ARGV[2], ARGV[3]
  local now, killed = clock(), 0
  local plan = removal(KEYS[3], channel)
  for i = 4, #KEYS do
    local session = read(KEYS[i])
    if alive(session, now) then killed = killed + 1 end
    note_session(plan, session, base, app, ARGV[i])
  end
  remove(plan)
  return killed
end)
