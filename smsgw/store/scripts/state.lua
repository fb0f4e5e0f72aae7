-- state: update what query_sm answers, for messages of this partition that were decided in another.
--
-- KEYS[1]  partition tag, {pNN}; keys used: {pNN}:st:<message id> {pNN}:done:<slot>
-- ARGV[1]  slot, ARGV[2] call number, ARGV[3] deadline (ms, Redis' clock, 0 none)
-- ARGV[4]  msgpack [state TTL (ms, 0: update only), [message id, value]...]
-- Returns  ''
--
-- Atomic because a replayed call must not overwrite a newer state.
-- include: replay
-- include: states
local input = unpack_message(ARGV[4])
local ttl = string.format('%.0f', input[1])
for i = 2, #input do write_state(input[i][1], input[i][2]) end
flush_states(ttl)
return finish('')
