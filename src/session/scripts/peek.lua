-- Reads a session and leaves it as it is.
-- KEYS: the session. ARGV: none. Replies as GET does.
return run(function()
  local now = clock()
  local session = read(KEYS[1])
  if not alive(session, now) then return false end
  return view(session, now)
end)
