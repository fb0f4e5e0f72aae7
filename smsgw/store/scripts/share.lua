-- share: pass receipts on to several of our messages, or once for several of a carrier's ids.
--
-- KEYS[1]  partition tag, {pNN}; keys used: {pNN}:gather:<message id> {pNN}:out:<account> {pNN}:part:<stream>
--          {pNN}:done:<slot>
-- ARGV[1]  slot, ARGV[2] call number, ARGV[3] deadline (ms, Redis' clock, 0 none)
-- ARGV[4]  msgpack [out stream limit, receipt TTL (ms), [account, kind, final (0/1), blob, targets (see share)]...]
-- Returns  msgpack [per item: [[message id, told (0/1), passed on (0/1)]...]]
--
-- Atomic because our message is told once, whether a carrier's receipts or a segment that it refused end it.
-- include: replay
-- include: entries
-- include: share
local input = unpack_message(ARGV[4])
local limits = {out = input[1], receipt_ttl = string.format('%.0f', input[2])}
-- A first write that needs no memory: what was accepted must be reported, also by a full Redis.
call('DEL', KEY_DONE .. 'none')
local replies = {}
for i = 3, #input do
  local item = input[i]
  replies[i - 2] = share(item[1], item[5], item[2], item[3], item[4], limits)
end
flush_receipts(limits)
return finish(pack_message(replies))
