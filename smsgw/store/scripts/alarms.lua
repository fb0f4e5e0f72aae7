-- alarms: take or keep the turn to look after alarms, and write what came of a look.
--
-- KEYS[1]  partition tag, {pNN}; keys used: {pNN}:alarms {pNN}:done:<slot>
-- ARGV[1]  slot, ARGV[2] call number, ARGV[3] deadline (ms, Redis' clock, 0 none)
-- ARGV[4]  msgpack [who asks, life of a turn (ms), state or '', [entry of the history, ...], entries kept,
--                   [what was said that is of no use any more, ...]]
--          life 0 gives the turn back
-- Returns  '1' when it is the caller's turn (and all of it was written), '' when it is another's
--
-- A turn ends when it was not kept for its life, by Redis' clock. Who comes to theirs anew must read the state before
-- they may write it: a state from one whose turn it was not yet is written by nobody.
-- Atomic because two that look at once would tell everything twice.
-- include: replay
local input = unpack_message(ARGV[4])
local who, life_ms, state, entries, kept, gone = unpack(input)
local time = call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local found = call('HMGET', KEY_ALARMS .. ':turn', 'who', 'until')
local is_mine = found[1] == who
local is_free = not found[1] or is_mine or tonumber(found[2]) <= now
if not is_free or (life_ms == 0 and not is_mine) then return finish('') end
if life_ms == 0 then
  call('DEL', KEY_ALARMS .. ':turn')
else
  call('HSET', KEY_ALARMS .. ':turn', 'who', who, 'until', string.format('%.0f', now + life_ms))
end
if state ~= '' then
  if not is_mine then return finish('') end
  call('SET', KEY_ALARMS .. ':state', state)
end
for i = 1, #entries do call('LPUSH', KEY_ALARMS .. ':history', entries[i]) end
if #entries > 0 then call('LTRIM', KEY_ALARMS .. ':history', 0, string.format('%.0f', kept - 1)) end
for i = 1, #gone do call('HDEL', KEY_ALARMS .. ':said', gone[i]) end
return finish('1')
