-- mark: raise a consumer's high-water marks.
--
-- KEYS[1]  partition tag, {pNN}; keys used: {pNN}:hwm:<consumer> {pNN}:done:<slot>
-- ARGV[1]  slot, ARGV[2] call number, ARGV[3] deadline (ms, Redis' clock, 0 none)
-- ARGV[4]  msgpack [consumer, [stream, entry id, ...]]
-- Returns  ''
--
-- Atomic because a replayed call that arrives late must not lower a mark.
-- include: replay
local input = unpack_message(ARGV[4])
-- A first write that needs no memory: what was accepted must be sent, also by a full Redis.
call('DEL', KEY_DONE .. 'none')
call('HSET', KEY_HWM .. input[1], unpack(input[2]))
return finish('')
