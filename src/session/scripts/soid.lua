-- Lists the sessions of an id: all at once when they are few, else a page at a time.
-- KEYS: us:{id}.
-- ARGV: id, what the app's keys begin with, largest page (0: all at once), where to go on.
-- Replies {where to go on or nothing, then sessions as GET shows them, each followed within its
-- array by la and token}.
return run(function()
  local id, base, limit, cursor = ARGV[1], ARGV[2], tonumber(ARGV[3]), ARGV[4]
  local now, tokens = clock(), nil
  if cursor == '' and (limit == 0 or call('SCARD', KEYS[1]) <= limit) then
    tokens = call('SMEMBERS', KEYS[1])
  else
    local page = call('SSCAN', KEYS[1], cursor == '' and '0' or cursor, 'COUNT', limit)
    cursor, tokens = page[1] ~= '0' and page[1] or '', page[2]
  end
  local reply = {{cursor ~= '' and cursor or nil}}
  for _, token in ipairs(tokens) do
    local session = read(base .. ':' .. token, true)
    if session.id == id and alive(session, now) then
      reply[#reply + 1] = item(session, now, token)
    end
  end
  return reply
end)
