-- Removes what has expired, a batch at a time: entries whose score says so, then entries whose
-- score is later than any ttl explains. Never on the word of the score: the session decides.
-- KEYS: SESSIONS.
-- ARGV: what all keys (of the bucket, if it is one) begin with, channel, longest ttl, largest batch
-- (0: all at once), and where to go on: 'due' or 'far', and how many entries of that range have to
-- stay.
-- Replies how many expired sessions were removed; in batches {that, where to go on}.
return run(function()
  local channel, longest, limit = ARGV[2], tonumber(ARGV[3]), tonumber(ARGV[4])
  local range, stay = ARGV[5], tonumber(ARGV[6])
  local now, wiped = clock(), 0
  -- The first write decides on memory: one that needs none lets a full server be wiped.
  call('ZREM', KEYS[1], '')

  -- Looks at up to `size` entries, and tells at how many; moves on to the next range, or to none,
  -- when no more are left.
  local function batch(size)
    local least, most = '-inf', '(' .. digits(now)
    if range == 'far' then least, most = '(' .. digits(now + longest), '+inf' end
    local entries = call('ZRANGEBYSCORE', KEYS[1], least, most, 'LIMIT', stay, size)
    local plan, scores = removal(KEYS[1], channel, true), {}
    for _, entry in ipairs(entries) do
      local app, token, id = string.match(entry, '^([^:]*):([^:]*):(.*)$')
      local base = base_of(app)
      local session = base and read(base .. ':' .. token, true)
      if not session then
        -- Names no session at all.
        note(plan, 'ZREM', KEYS[1], entry)
      elseif not alive(session, now) then
        if note_session(plan, session, base, app, token, id) then wiped = wiped + 1 end
      elseif session.id ~= id then
        note_entries(plan, base, app, token, id)
      else
        local score = session.la + session.ttl
        scores[#scores + 1], scores[#scores + 2] = digits(score), entry
        if range == 'far' and score > now + longest then stay = stay + 1 end
      end
    end
    each_thousand(scores, function(...) call('ZADD', KEYS[1], 'XX', ...) end)
    remove(plan)
    if #entries < size then
      range, stay = range == 'due' and 'far' or nil, 0
    end
    return #entries
  end

  if limit == 0 then
    while range do batch(100) end
    return wiped
  end
  repeat limit = limit - batch(limit) until not range or limit <= 0
  if range then return {wiped, range, stay} end
  return {wiped}
end)
