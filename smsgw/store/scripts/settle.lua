-- settle: end what was done with stream entries, and remember the carriers' message ids.
--
-- KEYS[1]  partition tag, {pNN}; keys used: {pNN}:mt:<carrier>:<lane> {pNN}:held {pNN}:heldmsg {pNN}:st:<message id>
--          {pNN}:rcpt:<carrier>:<cid> {pNN}:early:<carrier>:<cid> {pNN}:out:<account> {pNN}:done:<slot>
-- ARGV[1]  slot, ARGV[2] call number, ARGV[3] deadline (ms, Redis' clock, 0 none)
-- ARGV[4]  msgpack [receipt TTL (ms), duplicate TTL (ms), out stream limit, [stream key], items]
--          item: [1, stream (from 1), entry, <carrier>:<cid>, value]   sent: remember and acknowledge
--                [2, <carrier>:<cid>, value]                           remember
--                [3, stream, entry, [message id, state]...]            done: acknowledge
--                [4, stream, entry, due (ms), id, blob]                acknowledge and hold
--                [5, stream, entry, to stream suffix, blob]            acknowledge and move
-- Returns  '' when all were settled and nothing came early, else msgpack [per item: 1, 0 (settled before), or
--          [1 or 0, [[kind, final, state header, blob], reply of correlate]...]]
--
-- Atomic because an entry must end exactly once, in one place, and a receipt that overtook its response
-- must be found by one of the two.
-- include: replay
-- include: acks
-- include: match
local input = unpack_message(ARGV[4])
local receipt_ttl = string.format('%.0f', input[1])
local limits = {duplicate_ttl = string.format('%.0f', input[2]), out = string.format('%.0f', input[3])}
local streams, items = input[4], input[5]
local replies, eventful = {}, false
-- A first write that needs no memory: after it a full Redis does not refuse the rest, and settling frees memory.
call('DEL', KEY_DONE .. 'none')

local remembered, positions, values = {}, {}, {}
local entries, entry_positions = {}, {}
for i = 1, #items do
  local item = items[i]
  local op = item[1]
  replies[i] = 1
  if op <= 2 then
    local suffix, value = item[4], item[5]
    if op == 2 then suffix, value = item[2], item[3] end
    local n = #remembered + 1
    remembered[n], positions[n], values[n] = KEY_EARLY .. suffix, i, value
    call('SET', KEY_RCPT .. suffix, value, 'PX', receipt_ttl)
  end
  if op == 1 or op == 3 then
    local s = item[2]
    local ids, at = entries[s], entry_positions[s]
    if not ids then
      ids, at = {}, {}
      entries[s], entry_positions[s] = ids, at
    end
    ids[#ids + 1] = item[3]
    at[#at + 1] = i
    replies[i] = 0
  end
end

local function ended(i)
  local item = items[i]
  replies[i] = 1
  if item[1] == 3 then
    for n = 4, #item, 2 do
      call('SET', KEY_ST .. item[n], item[n + 1], 'XX', 'KEEPTTL')
    end
  end
end

for s, ids in pairs(entries) do
  acknowledge(streams[s], ids, entry_positions[s], ended)
end

for i = 1, #items do
  local item = items[i]
  local op = item[1]
  if op >= 4 then
    if not acknowledge_one(streams[item[2]], item[3]) then
      replies[i] = 0
    elseif op == 4 then
      call('ZADD', KEY_HELD, string.format('%.0f', item[4]), item[5])
      call('HSET', KEY_HELDMSG, item[5], item[6])
    else
      call('XADD', KEY_MT .. item[4], '*', 'm', item[5])
    end
  end
  if replies[i] == 0 then eventful = true end
end

if remembered[1] and call('EXISTS', unpack(remembered)) > 0 then
  for n = 1, #remembered do
    local found = call('LRANGE', remembered[n], '0', '-1')
    if found[1] then
      eventful = true
      local value, early = values[n], {}
      local suffix = string.sub(remembered[n], #KEY_EARLY + 1)
      local elsewhere = false
      for e = 1, #found do
        local ready, reply = unpack_message(found[e]), nil
        reply, value = match_receipt(suffix, value, ready, limits)
        if reply[1] == 3 then elsewhere = true end
        early[e] = {ready, reply}
      end
      if not elsewhere then call('DEL', remembered[n]) end
      replies[positions[n]] = {replies[positions[n]], early}
    end
  end
end
if eventful then return finish(pack_message(replies)) end
return finish('')
