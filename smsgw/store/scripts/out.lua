-- out: append receipts and MO to accounts' out streams.
--
-- KEYS[1]  partition tag, {pNN}; keys used: {pNN}:out:<account> {pNN}:done:<slot>
-- ARGV[1]  slot, ARGV[2] call number, ARGV[3] deadline (ms, Redis' clock, 0 none)
-- ARGV[4]  msgpack [out stream limit, items]; item: [account, field, value, ...] the entry's fields
-- Returns  ''
--
-- Atomic because a replayed call must not append twice.
-- include: replay
local input = unpack_message(ARGV[4])
local limit, items = string.format('%.0f', input[1]), input[2]
-- A first write that needs no memory: what was accepted must be reported, also by a full Redis.
call('DEL', KEY_DONE .. 'none')
for i = 1, #items do
  call('XADD', KEY_OUT .. items[i][1], 'MAXLEN', '~', limit, '*', unpack(items[i], 2))
end
return finish('')
