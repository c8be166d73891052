-- Merging into a stored JSON object without decoding it: whatever is not changed stays byte for
-- byte, which a decoder and encoder would not do.

local corrupt = 'CORRUPT d is not a JSON object'

-- Whether the text is well-formed UTF-8.
local function is_utf8(text)
  if not string.find(text, '[\128-\255]') then return true end
  for _, sequence in ipairs({
    '[\194-\223][\128-\191]',
    '\224[\160-\191][\128-\191]', '[\225-\236\238\239][\128-\191][\128-\191]',
    '\237[\128-\159][\128-\191]',
    '\240[\144-\191][\128-\191][\128-\191]', '[\241-\243][\128-\191][\128-\191][\128-\191]',
    '\244[\128-\143][\128-\191][\128-\191]',
  }) do
    -- Several at a time first: a replacement costs more than a match.
    if string.find(text, sequence) then
      for _, count in ipairs({12, 4, 1}) do
        text = string.gsub(text, string.rep(sequence, count), ' ')
      end
    end
  end
  return not string.find(text, '[\128-\255]')
end

-- The UTF-8 bytes of a code point; half a surrogate pair is written as if it were one.
local function utf8(code)
  local char, low = string.char, code % 64
  if code < 128 then return char(code) end
  code = (code - low) / 64
  if code < 32 then return char(192 + code, 128 + low) end
  local middle = code % 64
  code = (code - middle) / 64
  if code < 16 then return char(224 + code, 128 + middle, 128 + low) end
  local high = code % 64
  return char(240 + (code - high) / 64, 128 + high, 128 + middle, 128 + low)
end

local simple_escapes = {b = '\b', f = '\f', n = '\n', r = '\r', t = '\t', ['"'] = '"', ['/'] = '/'}

-- What a key says, whatever its escaping.
local function unescape(text)
  -- Escaped backslashes go out of the way first: after that a backslash always begins an escape.
  text = string.gsub(text, '\\\\', '\\u005c')
  text = string.gsub(text, '\\([bfnrt"/])', simple_escapes)
  text = string.gsub(text, '\\u([dD][89abAB]%x%x)\\u([dD][c-fC-F]%x%x)', function(high, low)
    return utf8(65536 + (tonumber(high, 16) - 55296) * 1024 + tonumber(low, 16) - 56320)
  end)
  return (string.gsub(text, '\\u(%x%x%x%x)', function(code) return utf8(tonumber(code, 16)) end))
end

local literals = {['true'] = true, ['false'] = true, ['null'] = true}

local function is_scalar(text)
  if literals[text] or string.find(text, '^%-?[1-9]%d*$') then return true end
  local whole, rest = string.match(text, '^%-?(%d+)(.*)$')
  if not whole or string.find(whole, '^0.') then return false end
  rest = string.gsub(rest, '^%.%d+', '')
  return rest == '' or string.find(rest, '^[eE][+-]?%d+$') ~= nil
end

-- The place after the string that opens at `place` of the masked text; nil when it does not end.
local function string_end(masked, place)
  return string.match(masked, '^"[^"%z\1-\31]*"()', place)
end

-- The place after the nested value that opens at `place` of the masked text; nil when it is
-- malformed. Every turn takes one value; depth costs a table entry, never a call.
local function nested_end(masked, place)
  local find, match, sub = string.find, string.match, string.sub
  local closers, depth = {}, 0
  while true do
    -- Integers and strings within an array, as long as more follow.
    local onward = closers[depth] == ']' and place
    while onward do
      place = onward
      onward = match(masked, '^%-?[1-9]%d*,[ \t\n\r]*()', place)
        or match(masked, '^0,[ \t\n\r]*()', place)
        or match(masked, '^"[^"%z\1-\31]*",[ \t\n\r]*()', place)
    end
    local opener = sub(masked, place, place)
    local after
    if opener == '{' or opener == '[' then
      depth = depth + 1
      closers[depth] = opener == '{' and '}' or ']'
      place = match(masked, '^[ \t\n\r]*()', place + 1)
      if sub(masked, place, place) ~= closers[depth] then after = false end
    elseif opener == '"' then
      after = string_end(masked, place)
    else
      after = match(masked, '^[%w%.+-]+()', place)
      if after and not is_scalar(sub(masked, place, after - 1)) then return nil end
    end
    if after == nil and not (opener == '{' or opener == '[') then return nil end
    if after ~= false then
      -- A value, or an empty container's end, is behind us: close what ends here.
      place = after and match(masked, '^[ \t\n\r]*()', after) or place
      while sub(masked, place, place) == closers[depth] do
        depth = depth - 1
        if depth == 0 then return place + 1 end
        place = match(masked, '^[ \t\n\r]*()', place + 1)
      end
      place = match(masked, '^,[ \t\n\r]*()', place)
      if not place then return nil end
    end
    if closers[depth] == '}' then
      place = string_end(masked, place)
      place = place and match(masked, '^[ \t\n\r]*:[ \t\n\r]*()', place)
      if not place then return nil end
    end
  end
end

-- Merges changes into the stored object. changes: a list of {key, member}; the key unescaped, the
-- member as `"key":value`, or empty to remove the key. Gives the new object, nil when nothing is
-- left in it, or refuses when what is stored is no object.
local function merge(stored, changes)
  local match, sub = string.match, string.sub
  local wanted = {}
  for _, change in ipairs(changes) do wanted[change[1]] = change end

  -- Escapes masked by as many underscores: quotes then always delimit strings, and no backslash
  -- is left where all escapes are well-formed. An underscore outside a string is malformed too.
  local masked = stored
  local escaped = string.find(masked, '\\', 1, true)
  if escaped then
    masked = string.gsub(masked, '\\["\\/bfnrt]', '__')
    masked = string.gsub(masked, '\\u%x%x%x%x', '______')
    if string.find(masked, '\\', 1, true) then refuse(corrupt) end
  end
  local place = match(masked, '^[ \t\n\r]*{[ \t\n\r]*()')
  if not place or not is_utf8(stored) then refuse(corrupt) end

  local pieces = {}
  -- Members that stay and follow each other are one piece, blanks between them included.
  local run_start, run_end
  local closed = match(masked, '^}()', place)
  while not closed do
    local key_end, value = match(masked, '^"[^"%z\1-\31]*"()[ \t\n\r]*:[ \t\n\r]*()', place)
    if not key_end then refuse(corrupt) end
    -- Strings and integers, nearly all values, take one match with what follows them.
    local value_end, separator, next_place =
      match(masked, '^"[^"%z\1-\31]*"()[ \t\n\r]*([,}])[ \t\n\r]*()', value)
    if not value_end then
      value_end, separator, next_place =
        match(masked, '^%-?[1-9]%d*()[ \t\n\r]*([,}])[ \t\n\r]*()', value)
    end
    if not value_end then
      value_end = match(masked, '^[%w.+-]+()', value)
      if value_end then
        if not is_scalar(sub(masked, value, value_end - 1)) then refuse(corrupt) end
      elseif match(masked, '^[{%[]', value) then
        value_end = nested_end(masked, value)
      end
      if not value_end then refuse(corrupt) end
      separator, next_place = match(masked, '^[ \t\n\r]*([,}])[ \t\n\r]*()', value_end)
      if not separator then refuse(corrupt) end
    end

    local key = sub(stored, place + 1, key_end - 2)
    local change = wanted[escaped and unescape(key) or key]
    if change then
      if run_start then pieces[#pieces + 1] = sub(stored, run_start, run_end) end
      run_start = nil
      if change[2] ~= '' and not change.placed then pieces[#pieces + 1] = change[2] end
      change.placed = true
    else
      run_start, run_end = run_start or place, value_end - 1
    end

    if separator == '}' then closed = next_place end
    place = next_place
  end
  if match(masked, '^[ \t\n\r]*()', closed) <= #masked then refuse(corrupt) end

  if run_start then pieces[#pieces + 1] = sub(stored, run_start, run_end) end
  for _, change in ipairs(changes) do
    if change[2] ~= '' and not change.placed then pieces[#pieces + 1] = change[2] end
  end
  if #pieces > 0 then return '{' .. table.concat(pieces, ',') .. '}' end
end
