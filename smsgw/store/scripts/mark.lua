-- mark: raise a consumer's high-water marks.
--
-- KEYS[1]  partition tag, {pNN}; keys used: {pNN}:hwm:<consumer> {pNN}:mt:<carrier>:<lane> {pNN}:done:<slot>
-- ARGV[1]  slot, ARGV[2] call number, ARGV[3] deadline (ms, Redis' clock, 0 none)
-- ARGV[4]  msgpack [consumer, token of its life, group, [stream, entry id, ...]]
-- Returns  '', or the error FENCED when what this life had read was taken over by another process, or msgpack [streams
--          whose entry is not pending for this consumer]: of those nothing was marked. It was read from a server that was
--          not the master any more, and what was written there after the replicas left it never was.
--
-- Atomic because a replayed call that arrives late must not lower a mark, and what was taken over must not be marked.
-- include: replay
local input = unpack_message(ARGV[4])
-- A first write that needs no memory: what was accepted must be sent, also by a full Redis.
call('DEL', KEY_DONE .. 'none')
local marks = KEY_HWM .. input[1]
if call('HGET', marks, 'owner') ~= input[2] then return redis.error_reply('FENCED another process has taken over') end
local group, wanted, elsewhere = input[3], input[4], {}
for n = 1, #wanted, 2 do
  local id = string.match(wanted[n + 1], '^%d+%-%d+')
  local rows = redis.pcall('XPENDING', wanted[n], group, id, id, '1', input[1])
  if rows.err or not rows[1] then
    elsewhere[#elsewhere + 1] = wanted[n]
  else
    call('HSET', marks, wanted[n], wanted[n + 1])
  end
end
if elsewhere[1] then return finish(pack_message(elsewhere)) end
return finish('')
