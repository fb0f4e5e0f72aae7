-- release: what becomes of held messages: sent on, held longer, ended, cancelled, replaced or parked; each exactly once.
--
-- KEYS[1]  partition tag, {pNN}; keys used: {pNN}:held {pNN}:heldmsg {pNN}:who:<hash> {pNN}:mt:<carrier>:<lane>
--          {pNN}:part:<stream> {pNN}:st:<message id> {pNN}:parked:<lot> {pNN}:lotof {pNN}:lots {pNN}:done:<slot>
-- ARGV[1]  slot, ARGV[2] call number, ARGV[3] deadline (ms, Redis' clock, 0 none)
-- ARGV[4]  msgpack [state TTL (ms, 0: update only), items]; item: [id, seen, op, ...]
--          seen: how the blob began when it was read, '' any
--          op 1 send:    stream suffix, blob, recipient hash, queue limit, [facts], at (business ms)
--          op 2 hold:    due (business ms), blob ('' as it is)
--          op 3 end:     [message id, state, ...]
--          op 4 cancel:  [message id, state, ...]; the reply has the blob
--          op 5 replace: blob
--          op 6 park:    lot, accepted (business ms), due (business ms), blob
--          op 7 unpark:  blob; due at once
-- Returns  '' when all were done, else msgpack [per item: 0 done, [1, fact] forbidden, [3] queue full, [6] no consent,
--          all three still held, [5] not held any more or changed since it was read (op 7: or not parked),
--          [7, blob] cancelled]
--
-- Atomic because a message that is due may be cancelled, replaced and released at the same moment.
-- include: replay
-- include: entries
-- include: states
-- include: facts
-- include: lots
local input = unpack_message(ARGV[4])
local state_ttl, items = string.format('%.0f', input[1]), input[2]

local function remove(id)
  call('ZREM', KEY_HELD, id)
  call('HDEL', KEY_HELDMSG, id)
  unpark(id)
end

local function write_states(states)
  for n = 1, #states, 2 do
    write_state(states[n], states[n + 1])
  end
end

local function send(item)
  local id, stream = item[1], KEY_MT .. item[4]
  local facts = item[8]
  if facts[1] then
    local packed = call('GET', KEY_WHO .. item[6])
    local refused = forbidden(packed and unpack_message(packed), facts, item[9])
    if refused then return refused end
  end
  if item[7] > 0 and waiting(stream, item[7]) >= item[7] then return {3} end
  remove(id)
  append(stream, 'b', {item[5]})
  return 0
end

local function hold(item)
  unpark(item[1])
  call('ZADD', KEY_HELD, string.format('%.0f', item[4]), item[1])
  if item[5] ~= '' then call('HSET', KEY_HELDMSG, item[1], item[5]) end
  return 0
end

local function park_held(item)
  local id = item[1]
  unpark(id)
  park(id, item[4], item[5])
  call('ZADD', KEY_HELD, string.format('%.0f', item[6]), id)
  call('HSET', KEY_HELDMSG, id, item[7])
  return 0
end

local function decided(item)
  local accepted = unpark(item[1])
  if not accepted then return {5} end
  call('ZADD', KEY_HELD, accepted, item[1])
  call('HSET', KEY_HELDMSG, item[1], item[4])
  return 0
end

local function finish_one(item, blob)
  remove(item[1])
  write_states(item[4])
  if item[3] == 4 then return {7, blob} end
  return 0
end

local replies, eventful = {}, false
for i = 1, #items do
  local item = items[i]
  local blob = call('HGET', KEY_HELDMSG, item[1])
  local op = item[3]
  if not blob or string.sub(blob, 1, #item[2]) ~= item[2] then
    replies[i] = {5}
  elseif op == 1 then
    replies[i] = send(item)
  elseif op == 2 then
    replies[i] = hold(item)
  elseif op == 5 then
    call('HSET', KEY_HELDMSG, item[1], item[4])
    replies[i] = 0
  elseif op == 6 then
    replies[i] = park_held(item)
  elseif op == 7 then
    replies[i] = decided(item)
  else
    replies[i] = finish_one(item, blob)
  end
  if replies[i] ~= 0 then eventful = true end
end
flush_states(state_ttl)
if eventful then return finish(pack_message(replies)) end
return finish('')
