-- lease: which processes there are, and which of them owns each bind of each carrier.
--
-- KEYS[1]  partition tag, {pNN}; keys used: {pNN}:nodes {pNN}:lease:<carrier> {pNN}:done:<slot>
-- ARGV[1]  slot, ARGV[2] call number, ARGV[3] deadline (ms, Redis' clock, 0 none)
-- ARGV[4]  msgpack [node, token, TTL (ms), step, carriers, other node, its token]
--          step: 1 join (whoever had this node's name before is put out), 2 stay, 3 leave, 4 seize a dead node,
--          5 forget it; of carriers only 1, 2 and 3 know; other node and token are for 4 and 5
--          carrier: [name, [kind of each bind], wanted (0/1), [state of each bind: 0 down, 1 up, 2 up and transmits],
--                   [numbers of binds, from 0, that are let go]]
-- Returns  msgpack [1, [other live nodes], [dead node, its token, ...], per carrier: [[own binds], [others' binds],
--          1 if another one transmits, [binds to let go, since others have less than their share]]]
--          or [0]: this node was put out, or what was to be seized lives
--
-- A lease is valid until its time on Redis' clock is over. When nobody has called for half that time, Redis itself was
-- away, so those that were valid before are valid for once that time more.
-- Atomic because a bind has one owner at a time, and shares are counted over all processes.
-- include: replay
local input = unpack_message(ARGV[4])
local node, token, ttl, step, carriers = input[1], input[2], input[3], input[4], input[5]
local JOIN, LEAVE, SEIZE, FORGET = 1, 3, 4, 5
local FORGOTTEN_MS = '86400000'
local time = call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)

local function whole(number)
  return string.format('%.0f', number)
end

local nodes, grace_from, grace_until = {}, now, 0
local found = call('HGETALL', KEY_NODES)
for n = 1, #found, 2 do
  if found[n] == '#' then
    local last, from, ends = string.match(found[n + 1], '^(%d+) (%d+) (%d+)$')
    grace_from, grace_until = tonumber(from), tonumber(ends)
    if now - last > ttl / 2 then grace_from, grace_until = tonumber(last), now + ttl end
  else
    local its_token, ends, state = string.match(found[n + 1], '^(%S+) (%d+) (%a)$')
    nodes[found[n]] = {its_token, tonumber(ends), state}
  end
end
call('HSET', KEY_NODES, '#', whole(now) .. ' ' .. whole(grace_from) .. ' ' .. whole(grace_until))

local function is_live(ends)
  return ends > now or (ends > grace_from and now < grace_until)
end

if step == SEIZE or step == FORGET then
  local other = nodes[input[6]]
  if not other or other[1] ~= input[7] then return finish(pack_message({0})) end
  if step == FORGET then
    call('HDEL', KEY_NODES, input[6])
  elseif other[3] ~= 's' then
    if is_live(other[2]) then return finish(pack_message({0})) end
    call('HSET', KEY_NODES, input[6], other[1] .. ' 0 s')
  end
  return finish(pack_message({1}))
end

local me = nodes[node]
if step ~= JOIN and (not me or me[1] ~= token or me[3] == 's') then return finish(pack_message({0})) end
local ends = whole(step == LEAVE and 0 or now + ttl)
call('HSET', KEY_NODES, node, token .. ' ' .. ends .. ' r')

local live, dead = {}, {}
for name, other in pairs(nodes) do
  if name ~= node then
    if is_live(other[2]) then
      live[#live + 1] = name
    else
      dead[#dead + 1] = name
      dead[#dead + 1] = other[1]
    end
  end
end

-- Whose each bind is, {owner, state}, and how many others want binds of this carrier. What has ended is deleted.
local function leases_of(key)
  local fields, owners, wanters, ended = call('HGETALL', key), {}, 0, {}
  for f = 1, #fields, 2 do
    local who = string.match(fields[f], '^w:(.*)$')
    if who then
      if who ~= node and is_live(tonumber(fields[f + 1])) then
        wanters = wanters + 1
      else
        ended[#ended + 1] = fields[f]
      end
    else
      local owner, until_ms, state = string.match(fields[f + 1], '^(%S+) (%d+) (%d)$')
      if owner == node or is_live(tonumber(until_ms)) then
        owners[tonumber(fields[f])] = {owner, state}
      else
        ended[#ended + 1] = fields[f]
      end
    end
  end
  if ended[1] then call('HDEL', key, unpack(ended)) end
  return owners, wanters
end

local function turn_of(carrier)
  local key, kinds, wanted, states = KEY_LEASE .. carrier[1], carrier[2], carrier[3] == 1 and step ~= LEAVE, carrier[4]
  local owners, wanters = leases_of(key)
  local let_go, kept, left, mine, share = {}, {}, {}, {}, {}
  for n = 1, #carrier[5] do let_go[carrier[5][n]] = true end
  for n = 1, #kinds do share[kinds[n]] = (share[kinds[n]] or 0) + 1 end
  for kind, count in pairs(share) do
    share[kind], mine[kind] = math.ceil(count / math.max(1, wanters + (wanted and 1 or 0))), 0
  end
  for slot, owner in pairs(owners) do
    if owner[1] == node then
      if step == LEAVE or let_go[slot] or slot >= #kinds then
        left[#left + 1] = slot
        owners[slot] = nil
      else
        mine[kinds[slot + 1]] = mine[kinds[slot + 1]] + 1
      end
    end
  end
  for slot = 0, #kinds - 1 do
    local kind = kinds[slot + 1]
    if wanted and not owners[slot] and not let_go[slot] and mine[kind] < share[kind] then
      owners[slot] = {node, '0'}
      mine[kind] = mine[kind] + 1
    end
  end
  local own, others, transmits, give = {}, {}, 0, {}
  for slot, owner in pairs(owners) do
    if owner[1] == node then
      own[#own + 1] = slot
      kept[#kept + 1] = slot
      kept[#kept + 1] = node .. ' ' .. ends .. ' ' .. (states[slot + 1] or 0)
    else
      others[#others + 1] = slot
      if owner[2] == '2' then transmits = 1 end
    end
  end
  for slot = #kinds - 1, 0, -1 do
    local kind = kinds[slot + 1]
    if wanters > 0 and owners[slot] and owners[slot][1] == node and mine[kind] > share[kind] then
      give[#give + 1] = slot
      mine[kind] = mine[kind] - 1
    end
  end
  if left[1] then call('HDEL', key, unpack(left)) end
  if kept[1] then call('HSET', key, unpack(kept)) end
  if wanted then call('HSET', key, 'w:' .. node, ends) else call('HDEL', key, 'w:' .. node) end
  call('PEXPIRE', key, FORGOTTEN_MS)
  return {own, others, transmits, give}
end

local turns = {}
for c = 1, #carriers do turns[c] = turn_of(carriers[c]) end
return finish(pack_message({1, live, dead, turns}))
