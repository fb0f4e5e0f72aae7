-- state: update what query_sm answers, for messages of this partition that were decided in another.
--
-- KEYS[1]  partition tag, {pNN}; keys used: {pNN}:st:<message id> {pNN}:done:<slot>
-- ARGV[1]  slot, ARGV[2] call number, ARGV[3] deadline (ms, Redis' clock, 0 none)
-- ARGV[4]  msgpack [[message id, value], ...]
-- Returns  ''
--
-- Atomic because a replayed call must not overwrite a newer state.
-- include: replay
local items = unpack_message(ARGV[4])
for i = 1, #items do
  call('SET', KEY_ST .. items[i][1], items[i][2], 'XX', 'KEEPTTL')
end
return finish('')
