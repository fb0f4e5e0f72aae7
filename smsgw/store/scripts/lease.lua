-- lease: which processes there are, and which of them owns each bind of each carrier.
--
-- KEYS[1]  partition tag, {pNN}; keys used: {pNN}:nodes {pNN}:ranks {pNN}:lease:<carrier> {pNN}:done:<slot>
-- ARGV[1]  slot, ARGV[2] call number, ARGV[3] deadline (ms, Redis' clock, 0 none)
-- ARGV[4]  msgpack [node, token, TTL (ms), step, carriers, other node, its token]
--          step: 1 join (whoever had this node's name before is put out), 2 stay, 3 leave, 4 seize a dead node,
--          5 forget it; of carriers only 1, 2 and 3 know; other node and token are for 4 and 5
--          carrier: [name, [kind of each bind], wanted (0/1), [state of each bind: 0 down, 1 up, 2 up and transmits],
--                   [numbers of binds, from 0, that are let go]]
-- Returns  msgpack [1, [other live nodes], [dead node, its token, ...], per carrier: [[own binds], [others' binds],
--          1 if another one transmits, [binds to let go, since others have less than their share of this carrier],
--          [binds that would be better elsewhere]], rank of this node, ranks in use, how many of those binds are too
--          many]
--          or [0]: this node was put out, or what was to be seized lives
--
-- Binds of a carrier are shared evenly by kind, and so are all binds of all carriers: of two nodes that both want a
-- carrier none should have two binds more than the other. A bind that is free is left for a fifth of the TTL to those
-- that have less than their share of all. Only nodes that want a carrier count. A rank is a small number that no other
-- node has.
-- Atomic because a bind has one owner at a time, and shares are counted over all processes.
-- include: replay
-- include: living
local input = unpack_message(ARGV[4])
local node, token, ttl, step, carriers = input[1], input[2], input[3], input[4], input[5]
local JOIN, LEAVE, SEIZE, FORGET = 1, 3, 4, 5
local FORGOTTEN_MS, PREFERRED_MS = '86400000', ttl / 5

local nodes, note = {}, nil
local found = call('HGETALL', KEY_NODES)
for n = 1, #found, 2 do
  if found[n] == '#' then
    note = found[n + 1]
  else
    local its_token, ends, state = string.match(found[n + 1], '^(%S+) (%d+) (%a)$')
    nodes[found[n]] = {its_token, tonumber(ends), state}
  end
end
call('HSET', KEY_NODES, '#', noted(note, ttl))

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

-- This node's rank, and how many ranks reach over all that live.
local function rank_of_mine()
  local ranks, used, live_ranks = call('HGETALL', KEY_RANKS), {}, 1
  local mine
  for n = 1, #ranks, 2 do
    local rank = tonumber(ranks[n + 1])
    if ranks[n] == node then
      mine = rank
    elseif nodes[ranks[n]] then
      used[rank] = true
      if is_live(nodes[ranks[n]][2]) then live_ranks = math.max(live_ranks, rank + 1) end
    else
      call('HDEL', KEY_RANKS, ranks[n])
    end
  end
  if not mine or used[mine] then
    mine = 0
    while used[mine] do mine = mine + 1 end
    call('HSET', KEY_RANKS, node, mine)
  end
  return mine, math.max(live_ranks, mine + 1)
end

-- A carrier as it was left: owners: bind -> {node, state}; freed: bind -> when its last owner had it; wanters: other
-- nodes.
local function carrier_of(row)
  local key, kinds = KEY_LEASE .. row[1], row[2]
  local it = {key = key, kinds = kinds, wanted = row[3] == 1 and step ~= LEAVE, states = row[4],
              let_go = {}, owners = {}, freed = {}, wanters = {}, counts = {}}
  local fields, ended = call('HGETALL', key), {}
  for n = 1, #row[5] do it.let_go[row[5][n]] = true end
  for f = 1, #fields, 2 do
    local who = string.match(fields[f], '^w:(.*)$')
    if who then
      if who ~= node and is_live(tonumber(fields[f + 1])) then
        it.wanters[who] = true
      elseif who ~= node then
        ended[#ended + 1] = fields[f]
      end
    else
      local owner, until_ms, state = string.match(fields[f + 1], '^(%S+) (%d+) (%d)$')
      local slot = tonumber(fields[f])
      if owner ~= '-' and (owner == node or is_live(tonumber(until_ms))) then
        it.owners[slot] = {owner, state}
      else
        it.freed[slot] = tonumber(until_ms)
        if slot >= #kinds then ended[#ended + 1] = fields[f] end
      end
    end
  end
  if ended[1] then call('HDEL', key, unpack(ended)) end
  return it
end

-- What this node gives back now; then who has how many of each kind.
local function give_back(it)
  for slot, owner in pairs(it.owners) do
    if owner[1] == node and (step == LEAVE or it.let_go[slot] or slot >= #it.kinds) then
      it.owners[slot], it.freed[slot] = nil, now
      if slot >= #it.kinds then
        call('HDEL', it.key, slot)
      else
        call('HSET', it.key, slot, '- ' .. whole(now) .. ' 0')
      end
    end
  end
  for slot, owner in pairs(it.owners) do
    local kind = it.kinds[slot + 1]
    if kind then
      local counts = it.counts[owner[1]] or {}
      it.counts[owner[1]] = counts
      counts[kind] = (counts[kind] or 0) + 1
    end
  end
end

local views, totals, wanters, all_binds = {}, {[node] = 0}, {}, 0
for c = 1, #carriers do
  local it = carrier_of(carriers[c])
  views[c] = it
  give_back(it)
  for _, owner in pairs(it.owners) do totals[owner[1]] = (totals[owner[1]] or 0) + 1 end
  if it.wanted then
    all_binds = all_binds + #it.kinds
    wanters[node] = true
    for who in pairs(it.wanters) do wanters[who] = true end
  end
end
local wanter_count = 0
for who in pairs(wanters) do
  wanter_count = wanter_count + 1
  totals[who] = totals[who] or 0
end
local fair = math.ceil(all_binds / math.max(1, wanter_count))

local free = 0
local function take(it)
  local others, share, least = 0, {}, {}
  for _ in pairs(it.wanters) do others = others + 1 end
  for n = 1, #it.kinds do share[it.kinds[n]] = (share[it.kinds[n]] or 0) + 1 end
  for kind, count in pairs(share) do
    local each = count / math.max(1, others + (it.wanted and 1 or 0))
    share[kind], least[kind] = math.ceil(each), math.floor(each)
  end
  local mine = it.counts[node] or {}
  it.counts[node], it.share, it.least, it.others = mine, share, least, others
  for slot = 0, #it.kinds - 1 do
    local kind = it.kinds[slot + 1]
    local is_new = now - (it.freed[slot] or 0) < PREFERRED_MS
    local left_to_others = totals[node] >= fair and wanter_count > 1 and is_new
    if it.wanted and not it.owners[slot] and not it.let_go[slot] and (mine[kind] or 0) < share[kind]
        and not left_to_others then
      it.owners[slot] = {node, '0'}
      mine[kind] = (mine[kind] or 0) + 1
      totals[node] = totals[node] + 1
    elseif it.wanted and not it.owners[slot] and is_new then
      free = free + 1
    end
  end
end

local function write(it)
  local kept = {}
  for slot, owner in pairs(it.owners) do
    if owner[1] == node then
      kept[#kept + 1] = slot
      kept[#kept + 1] = node .. ' ' .. ends .. ' ' .. (it.states[slot + 1] or 0)
    end
  end
  if kept[1] then call('HSET', it.key, unpack(kept)) end
  if it.wanted then call('HSET', it.key, 'w:' .. node, ends) else call('HDEL', it.key, 'w:' .. node) end
  call('PEXPIRE', it.key, FORGOTTEN_MS)
end

-- Too many of a carrier's own kind: from the last bind.
local function to_give(it)
  local give, mine = {}, it.counts[node]
  for slot = #it.kinds - 1, 0, -1 do
    local kind, owner = it.kinds[slot + 1], it.owners[slot]
    if it.others > 0 and owner and owner[1] == node and mine[kind] > it.share[kind] then
      give[#give + 1] = slot
      it.owners[slot] = {node, owner[2], true}
      mine[kind] = mine[kind] - 1
      totals[node] = totals[node] - 1
    end
  end
  return give
end

-- Those that somebody should have who has at least two binds less in all, and fewer of this carrier; never so many that
-- this node would have less of the carrier than its share.
local function to_spare(it)
  local spare, kept = {}, {}
  for slot = #it.kinds - 1, 0, -1 do
    local kind, owner = it.kinds[slot + 1], it.owners[slot]
    local mine = it.counts[node][kind] or 0
    kept[kind] = kept[kind] or mine
    if it.wanted and owner and owner[1] == node and not owner[3] and kept[kind] > it.least[kind] then
      for who in pairs(it.wanters) do
        local its = it.counts[who] and it.counts[who][kind] or 0
        if totals[who] <= totals[node] - 2 and its < mine then
          spare[#spare + 1] = slot
          kept[kind] = kept[kind] - 1
          break
        end
      end
    end
  end
  return spare
end

-- All that is above the share; of those that have their share and yet more than another, one node gives one at a time,
-- when those that have less have taken what is free.
local function too_many()
  if totals[node] > fair then return totals[node] - fair end
  if free > 0 then return 0 end
  for who in pairs(wanters) do
    if totals[who] > totals[node] or (totals[who] == totals[node] and who < node) then return 0 end
  end
  return 1
end

local turns = {}
for c = 1, #views do
  take(views[c])
  write(views[c])
end
for c = 1, #views do turns[c] = {{}, {}, 0, to_give(views[c]), {}} end
for c = 1, #views do
  local it, turn = views[c], turns[c]
  for slot, owner in pairs(it.owners) do
    local whose = owner[1] == node and turn[1] or turn[2]
    whose[#whose + 1] = slot
    if owner[1] ~= node and owner[2] == '2' then turn[3] = 1 end
  end
  turn[5] = to_spare(it)
end
local rank, ranks = rank_of_mine()
return finish(pack_message({1, live, dead, turns, rank, ranks, too_many()}))
