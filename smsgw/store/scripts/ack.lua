-- ack: acknowledge and delete what an application has taken from its out stream.
--
-- KEYS[1]  partition tag, {pNN}; keys used: {pNN}:out:<account> {pNN}:part:<stream> {pNN}:done:<slot>
-- ARGV[1]  slot, ARGV[2] call number, ARGV[3] deadline (ms, Redis' clock, 0 none)
-- ARGV[4]  msgpack [[stream, [entry, ...], [[index in the entry from 0, -1 in an entry of one]...]], ...]
-- Returns  ''
--
-- Atomic because an acknowledged entry that is not deleted would stay in the stream for good.
-- include: replay
-- include: entries
-- A first write that needs no memory: what was delivered must make room, also by a full Redis.
call('DEL', KEY_DONE .. 'none')
local input = unpack_message(ARGV[4])
for i = 1, #input do
  settle_entries(input[i][1], input[i][2], input[i][3])
end
return finish('')
