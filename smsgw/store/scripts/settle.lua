-- settle: end what was done with messages of streams, and remember the carriers' message ids.
--
-- KEYS[1]  partition tag, {pNN}; keys used: {pNN}:mt:<carrier>:<lane> {pNN}:part:<stream> {pNN}:held {pNN}:heldmsg
--          {pNN}:st:<message id> {pNN}:rcpt:<carrier>:<cid> {pNN}:early:<carrier>:<cid> {pNN}:out:<account>
--          {pNN}:gather:<message id> {pNN}:tally:<carrier> {pNN}:deciding:<carrier>:<cid>
--          {pNN}:parked:<lot> {pNN}:lotof {pNN}:lots {pNN}:who:<hash> {pNN}:events {pNN}:done:<slot>
-- ARGV[1]  slot, ARGV[2] call number, ARGV[3] deadline (ms, Redis' clock, 0 none)
-- ARGV[4]  msgpack [number of items, receipt TTL (ms), limits (see match), remembers, acks, states, moves, tallies]; an item's
--          position is from 1, an index is the message's place in its entry from 0, -1 in an entry of one
--          remembers: [<carrier>:<cid>, value, position] in a row
--          acks:      [stream, [entry], [[index]], [[position]]]...
--          states:    [position, message id, state, message id, state...]...
--          moves:     [position, stream, entry, index, due (business ms), id, blob] hold, or with due 0 and a stream
--                     suffix for id: append there; with [lot, accepted (business ms)] behind: park, held until due
--          tallies:   [carrier, bucket (s), count] in a row: messages that the carrier has taken
-- Returns  '' when all were settled and nothing came early, else msgpack [per item: 1, 0 (settled before), or
--          [1 or 0, [[kind, final, state header, blob, bucket], reply of correlate]...], or the same with 2: the early receipt
--          must be passed on in another partition, and the entry acknowledged after that; it was not]
--
-- Atomic because a message must end exactly once, in one place, and a receipt that overtook its response
-- must be found by one of the two.
-- include: replay
-- include: entries
-- include: states
-- include: tally
-- include: share
-- include: known
-- include: alive
-- include: match
-- include: lots
local input = unpack_message(ARGV[4])
local receipt_ttl, limits = string.format('%.0f', input[2]), limits_of(input[3])
local remembers, acks, states, moves, taken = input[4], input[5], input[6], input[7], input[8]
local replies, eventful = {}, false
for i = 1, input[1] do replies[i] = 1 end
-- A first write that needs no memory: after it a full Redis does not refuse the rest, and settling frees memory.
call('DEL', KEY_DONE .. 'none')

local early_keys = {}
for n = 1, #remembers, 3 do
  call('SET', KEY_RCPT .. remembers[n], remembers[n + 1], 'PX', receipt_ttl)
  early_keys[#early_keys + 1] = KEY_EARLY .. remembers[n]
end

-- Position → what had come early for it; postponed: those whose entry must stay until Python has passed it on.
local met, postponed = {}, nil

local function meet_early(n)
  local found = call('LRANGE', early_keys[n], '0', '-1')
  if not found[1] then return end
  local suffix, value, position = remembers[3 * n - 2], remembers[3 * n - 1], remembers[3 * n]
  local list, elsewhere = {}, false
  for e = 1, #found do
    local ready, reply = unpack_message(found[e]), nil
    reply, value = match_receipt(suffix, value, ready[1], ready[2], ready[3], ready[4], limits)
    if reply[1] == 3 or reply[1] == 4 or reply[1] >= 6 then elsewhere = true end
    list[e] = {ready, reply}
    tally(suffix, 'o', ready[5], -1)
  end
  met[position] = list
  if elsewhere then
    postponed = postponed or {}
    postponed[position] = true
  else
    call('DEL', early_keys[n])
  end
end

for n = 1, #taken, 3 do tally(taken[n], 'a', taken[n + 1], taken[n + 2]) end
if early_keys[1] and call('EXISTS', unpack(early_keys)) > 0 then
  for n = 1, #early_keys do meet_early(n) end
  flush_receipts(limits)
  flush_alive(limits)
end
flush_tallies(limits)

local function without_postponed(ack)
  local entries, indexes, positions = {}, {}, {}
  for g = 1, #ack[2] do
    local kept_indexes, kept_positions = {}, {}
    for k = 1, #ack[4][g] do
      if not postponed[ack[4][g][k]] then
        kept_indexes[#kept_indexes + 1] = ack[3][g][k]
        kept_positions[#kept_positions + 1] = ack[4][g][k]
      end
    end
    if kept_indexes[1] then
      local n = #entries + 1
      entries[n], indexes[n], positions[n] = ack[2][g], kept_indexes, kept_positions
    end
  end
  return {ack[1], entries, indexes, positions}
end

for a = 1, #acks do
  local ack = postponed and without_postponed(acks[a]) or acks[a]
  local positions = ack[4]
  for g = 1, #positions do
    for k = 1, #positions[g] do replies[positions[g][k]] = 0 end
  end
  if positions[1] then
    settle_entries(ack[1], ack[2], ack[3], function(g, k) replies[positions[g][k]] = 1 end)
  end
end

for s = 1, #states do
  local row = states[s]
  if replies[row[1]] == 1 then
    for n = 2, #row, 2 do write_state(row[n], row[n + 1]) end
  end
end
flush_states(limits.state_ttl)

for m = 1, #moves do
  local row = moves[m]
  if not settle_one(row[2], row[3], row[4]) then
    replies[row[1]] = 0
  elseif row[5] > 0 then
    call('ZADD', KEY_HELD, string.format('%.0f', row[5]), row[6])
    call('HSET', KEY_HELDMSG, row[6], row[7])
    if row[8] then park(row[6], row[8], row[9]) end
  else
    append(KEY_MT .. row[6], 'b', {row[7]})
  end
end

for i = 1, #replies do
  if replies[i] == 0 then eventful = true end
end
for position, list in pairs(met) do
  eventful = true
  replies[position] = {postponed and postponed[position] and 2 or replies[position], list}
end
if eventful then return finish(pack_message(replies)) end
return finish('')
