-- Lists the sessions of an app that were active within a window, the latest first, a page at a
-- time.
-- KEYS: _sessions.
-- ARGV: what the app's keys begin with, the window in seconds, largest page (0: all at once), the
-- lowest score to look at (empty: that of the window), and the score and member of the last entry
-- seen (empty: none).
-- Replies {{now, score and member of the last entry seen where there may be more}, then sessions
-- as GET shows them, each followed within its array by la and token}.

-- Whether a comes before b as the server orders members: byte by byte, in no locale.
local function before(a, b)
  for i = 1, math.min(#a, #b) do
    local x, y = string.byte(a, i), string.byte(b, i)
    if x ~= y then return x < y end
  end
  return #a < #b
end

-- The rank, from the top, of the first entry below the given one, which need not be there.
local function rank_below(score, member)
  local first = call('ZCOUNT', KEYS[1], '(' .. score, '+inf')
  local last = first + call('ZCOUNT', KEYS[1], score, score)
  while first < last do
    local middle = math.floor((first + last) / 2)
    if before(call('ZREVRANGE', KEYS[1], middle, middle)[1], member) then
      last = middle
    else
      first = middle + 1
    end
  end
  return first
end

return run(function()
  local base, window, limit = ARGV[1], tonumber(ARGV[2]), tonumber(ARGV[3])
  local lowest, score, member = tonumber(ARGV[4]), ARGV[5], ARGV[6]
  local now = clock()
  lowest = lowest or now - window
  local entries
  if limit == 0 then
    entries = call('ZREVRANGEBYSCORE', KEYS[1], '+inf', digits(lowest), 'WITHSCORES')
  else
    local rank = score == '' and 0 or rank_below(score, member)
    entries = call('ZREVRANGE', KEYS[1], rank, rank + limit - 1, 'WITHSCORES')
  end
  local place, reply = {digits(now)}, {}
  reply[1] = place
  for i = 1, #entries, 2 do
    if tonumber(entries[i + 1]) < lowest then return reply end
    local token = string.match(entries[i], '^([^:]*):')
    local session = token and read(base .. ':' .. token, true)
    if session and alive(session, now) and session.la >= now - window then
      reply[#reply + 1] = item(session, now, token)
    end
  end
  if limit > 0 and #entries == 2 * limit then
    place[2], place[3] = entries[#entries], entries[#entries - 1]
  end
  return reply
end)
