-- restore_audit: put entries of a checked copy of the audit log back, with the numbers and hashes that they had.
--
-- KEYS[1]  partition tag, {pNN}; keys used: {pNN}:audit {pNN}:audithead {pNN}:done:<slot>
-- ARGV[1]  slot, ARGV[2] call number, ARGV[3] deadline (ms, Redis' clock, 0 none)
-- ARGV[4]  msgpack [expected number, expected hash, entries]; entry: [number, packed entry, hash]
-- Returns  msgpack 1 · 0 the head of the log is not as expected, nothing was written
--
-- Atomic because nobody may append between the head that was looked at and these entries.
-- include: replay
local input = unpack_message(ARGV[4])
local head = call('HMGET', KEY_AUDITHEAD, 'seq', 'hash')
if tonumber(head[1] or '0') ~= input[1] or (head[2] or '') ~= input[2] then return finish(pack_message(0)) end
local seq, hash = input[1], input[2]
for i = 1, #input[3] do
  local entry = input[3][i]
  seq, hash = entry[1], entry[3]
  call('XADD', KEY_AUDIT, string.format('%.0f-0', seq), 'e', entry[2], 'h', hash)
end
call('HSET', KEY_AUDITHEAD, 'seq', string.format('%.0f', seq), 'hash', hash)
return finish(pack_message(1))
