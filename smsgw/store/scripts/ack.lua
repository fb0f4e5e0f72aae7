-- ack: acknowledge and delete what an application has taken from its out stream.
--
-- KEYS[1]  partition tag, {pNN}; keys used: {pNN}:out:<account> {pNN}:done:<slot>
-- ARGV[1]  slot, ARGV[2] call number, ARGV[3] deadline (ms, Redis' clock, 0 none)
-- ARGV[4]  msgpack [[account, [entry, ...]], ...]
-- Returns  ''
--
-- Atomic because an acknowledged entry that is not deleted would stay in the stream for good.
-- include: replay
-- include: acks
local input = unpack_message(ARGV[4])
for i = 1, #input do
  acknowledge(KEY_OUT .. input[i][1], input[i][2])
end
return finish('')
