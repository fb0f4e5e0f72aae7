-- mark: raise a consumer's high-water marks.
--
-- KEYS[1]  partition tag, {pNN}; keys used: {pNN}:hwm:<consumer> {pNN}:done:<slot>
-- ARGV[1]  slot, ARGV[2] call number, ARGV[3] deadline (ms, Redis' clock, 0 none)
-- ARGV[4]  msgpack [consumer, token of its life, [stream, entry id, ...]]
-- Returns  '', or the error FENCED when what this life had read was taken over by another process
--
-- Atomic because a replayed call that arrives late must not lower a mark, and what was taken over must not be marked.
-- include: replay
local input = unpack_message(ARGV[4])
-- A first write that needs no memory: what was accepted must be sent, also by a full Redis.
call('DEL', KEY_DONE .. 'none')
local marks = KEY_HWM .. input[1]
if call('HGET', marks, 'owner') ~= input[2] then return redis.error_reply('FENCED another process has taken over') end
call('HSET', marks, unpack(input[3]))
return finish('')
