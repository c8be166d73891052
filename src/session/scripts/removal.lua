-- Removing sessions and index entries in two steps: first everything is noted, and all that could
-- be refused is met by writes without effect; then all of it goes at once.

-- A removal. With `lenient`, index keys of another type are left alone instead of being an error.
local function removal(expiries, channel, lenient)
  return {
    expiries = expiries, channel = channel, lenient = lenient,
    keys = {}, messages = {}, sets = {}, order = {}, owners = {}, seen = {},
  }
end

-- Notes that the member has to leave the key; without a member, that it may have to.
local function note(plan, command, key, member)
  local set = plan.sets[key]
  if set == nil then
    local probe = redis.pcall(command, key, '')
    if type(probe) ~= 'table' then
      set = {command = command, key = key, members = {}}
      plan.order[#plan.order + 1] = set
    elseif plan.lenient and string.sub(probe.err, 1, 9) == 'WRONGTYPE' then
      set = false
    else
      fail(probe)
    end
    plan.sets[key] = set
  end
  if set and member then set.members[#set.members + 1] = member end
end

-- Notes all index entries of the token under the id. `base` is the part that all keys of the app
-- begin with.
local function note_entries(plan, base, app, token, id)
  local tokens, users = base .. ':us:' .. id, base .. ':_users'
  note(plan, 'ZREM', base .. ':_sessions', token .. ':' .. id)
  note(plan, 'ZREM', plan.expiries, app .. ':' .. token .. ':' .. id)
  note(plan, 'SREM', tokens, token)
  if not plan.owners[tokens] then
    note(plan, 'ZREM', users)
    if plan.sets[tokens] then call('SCARD', tokens) end
    plan.owners[tokens] = {users = users, id = id}
  end
end

-- Notes the session that was read from the token's key, with its index entries, and those under
-- `id`, which an index gave. What has no id is a leftover when its key is named as a session is;
-- any other hash is not ours. Whether there is a session that was not noted before.
local function note_session(plan, session, base, app, token, id)
  local key = base .. ':' .. token
  local fresh = not plan.seen[key]
  if fresh and (session.id or (#token == 64 and not string.find(token, '%W'))) then
    if not session.foreign then
      permit('DEL', key)
      plan.keys[#plan.keys + 1] = key
    end
    if session.id then plan.messages[#plan.messages + 1] = app .. ':' .. token end
  end
  plan.seen[key] = true
  if session.id then note_entries(plan, base, app, token, session.id) end
  if id and id ~= session.id then note_entries(plan, base, app, token, id) end
  return fresh and session.id ~= nil and session.id ~= false
end

-- Runs a command on many members; a call takes no more arguments than Lua's stack holds.
local function each_thousand(members, run_command)
  for first = 1, #members, 1000 do
    run_command(unpack(members, first, math.min(first + 999, #members)))
  end
end

-- Removes all that was noted. An id without a token left is no user any more.
local function remove(plan)
  each_thousand(plan.keys, function(...) call('DEL', ...) end)
  for _, set in ipairs(plan.order) do
    each_thousand(set.members, function(...) call(set.command, set.key, ...) end)
  end
  for tokens, owner in pairs(plan.owners) do
    if plan.sets[owner.users] and not (plan.sets[tokens] and call('SCARD', tokens) > 0) then
      call('ZREM', owner.users, owner.id)
    end
  end
  for _, message in ipairs(plan.messages) do redis.pcall('PUBLISH', plan.channel, message) end
end
