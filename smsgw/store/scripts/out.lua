-- out: append receipts and MO to accounts' out streams.
--
-- KEYS[1]  partition tag, {pNN}; keys used: {pNN}:out:<account> {pNN}:part:<stream> {pNN}:done:<slot>
-- ARGV[1]  slot, ARGV[2] call number, ARGV[3] deadline (ms, Redis' clock, 0 none)
-- ARGV[4]  msgpack [out stream limit, [account, [[field, value, ...]...]]...]
-- Returns  ''
--
-- Atomic because a replayed call must not append twice.
-- include: replay
-- include: entries
local input = unpack_message(ARGV[4])
local limit = input[1]
-- A first write that needs no memory: what was accepted must be reported, also by a full Redis.
call('DEL', KEY_DONE .. 'none')
for i = 2, #input do
  local stream = KEY_OUT .. input[i][1]
  local count = append(stream, 'f', input[i][2])
  if count > limit then trim(stream, count, limit) end
end
return finish('')
