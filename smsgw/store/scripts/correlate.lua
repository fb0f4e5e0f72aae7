-- correlate: find the message that a carrier's receipt belongs to, and pass the receipt on.
--
-- KEYS[1]  partition tag, {pNN}; keys used: {pNN}:rcpt:<carrier>:<cid> {pNN}:early:<carrier>:<cid>
--          {pNN}:out:<account> {pNN}:part:<stream> {pNN}:st:<message id> {pNN}:gather:<message id>
--          {pNN}:tally:<carrier> {pNN}:deciding:<carrier>:<cid> {pNN}:who:<hash> {pNN}:events
--          {pNN}:done:<slot>
-- ARGV[1]  slot, ARGV[2] call number, ARGV[3] deadline (ms, Redis' clock, 0 none)
-- ARGV[4]  msgpack [early TTL (ms), limits (see match), items, bucket for parked ones (s, see tally)]
--          item: [<carrier>:<cid>, kind (1 success, 2 failure, 4 intermediate), final (0/1), state header, blob]
--                a sixth entry 1: commit, the receipt was passed on by the caller; mark it final
--                2: parked in other places too, don't tally it
--                3: it could not be decided: whoever asks next may
-- Returns  msgpack [per item: [0, message id] final before, nothing done · [1, account, message id, passed on (0/1)]
--          found; the fifth entry is the source when the caller must write the state, else false; of a failure the
--          sixth is the origin · 2 parked, no response seen yet · [3, account, message id, mask, origin, out tag, source] found, but the account's out stream is in
--          another partition: nothing was written · [7, account, message id, mask,
--          origin] found, the caller decides what becomes of it · [8] somebody is deciding, ask again · [4, cid] look there · [5, account, source, origin,
--          [[message id, told (0/1), passed on (0/1)]...]] found, it stands for several or a part; the caller writes
--          states · [6, the map's value] like 5, but the out stream is in another partition: nothing was written]
--
-- Atomic because of two receipts for one message only one may be the final one, and because a receipt that
-- overtakes its response must meet it.
-- include: replay
-- include: entries
-- include: states
-- include: tally
-- include: share
-- include: known
-- include: alive
-- include: match
local input = unpack_message(ARGV[4])
local early_ttl, limits, items = string.format('%.0f', input[1]), limits_of(input[2]), input[3]
local bucket = input[4]
local EARLY_RECEIPTS = 4
local COMMIT, UNTALLIED, UNDECIDABLE = 1, 2, 3
-- A first write that needs no memory: after it a full Redis does not refuse receipts.
call('DEL', KEY_DONE .. 'none')

local rcpt_keys = {}
for i = 1, #items do rcpt_keys[i] = KEY_RCPT .. items[i][1] end
local values = call('MGET', unpack(rcpt_keys))
-- Of several receipts for one id in a batch the later ones must see what the earlier ones wrote.
local latest = {}

local function park(suffix, item)
  local key = KEY_EARLY .. suffix
  local tallied = item[6] ~= UNTALLIED and call('EXISTS', key) == 0
  call('RPUSH', key, pack_message({item[2], item[3], item[4], item[5], tallied and bucket or 0}))
  call('LTRIM', key, tostring(-EARLY_RECEIPTS), '-1')
  call('PEXPIRE', key, early_ttl)
  if tallied then tally(suffix, 'o', bucket, 1) end
end

local function commit(suffix, value, item)
  call('DEL', KEY_EARLY .. suffix)
  local form = string.byte(value)
  if form == 49 then return {0, string.sub(value, 2)}, value end
  local ours = unpack_message(string.sub(value, 2))
  if form == 50 then
    if item[3] == 1 then value = ended(suffix, ours[5][1][1], ours[4], limits) end
    return {1, ours[1], ours[5][1][1], 1, false}, value
  end
  if item[3] == 1 then value = ended(suffix, ours[2], ours[7], limits) end
  if item[2] == FAILURE then return {1, ours[1], ours[2], 1, ours[6], ours[5]}, value end
  return {1, ours[1], ours[2], 1, ours[6]}, value
end

local replies = {}
for i = 1, #items do
  local item = items[i]
  local suffix = item[1]
  local value = latest[suffix] or values[i]
  if item[6] == UNDECIDABLE then
    call('DEL', KEY_DECIDING .. suffix)
    replies[i] = 2
  elseif not value then
    if item[6] ~= COMMIT then park(suffix, item) end
    replies[i] = 2
  else
    if item[6] == COMMIT then
      replies[i], value = commit(suffix, value, item)
    else
      replies[i], value = match_receipt(suffix, value, item[2], item[3], item[4], item[5], limits)
    end
    latest[suffix] = value
  end
end
flush_receipts(limits)
flush_states(limits.state_ttl)
flush_alive(limits)
flush_tallies(limits)
return finish(pack_message(replies))
