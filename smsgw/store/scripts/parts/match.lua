-- One receipt against the receipt map; used where receipts come in and where an early one finds its response.
-- The map's value is '0' and msgpack [account, message id, out tag, mask, origin, source] until a final state
-- has been reported, then '1' and the message id: what is final stays final, and is kept short.
-- ready: msgpack-decoded [kind (1 success, 2 failure, 4 intermediate), final (0/1), state header, blob].
-- Gives what correlate.lua returns for one item, without writing anything when the out stream is elsewhere.
local own_prefix = string.sub(KEYS[1], 3, 4)

local function match_receipt(suffix, value, ready, limits)
  if string.sub(value, 1, 1) == '1' then
    return {0, string.sub(value, 2)}, value
  end
  local ours = unpack_message(string.sub(value, 2))
  local wanted = bit.band(ours[4], ready[1]) ~= 0
  if wanted and ours[3] ~= KEYS[1] then
    return {3, ours[1], ours[2], ours[4], ours[5], ours[3], ours[6]}, value
  end
  if wanted then
    call('XADD', KEY_OUT .. ours[1], 'MAXLEN', '~', limits.out, '*', 'o', ours[5], 'r', ready[4], 'i', ours[2])
  end
  if ready[2] == 1 then
    value = '1' .. ours[2]
    call('SET', KEY_RCPT .. suffix, value, 'PX', limits.duplicate_ttl)
  end
  if ready[3] ~= '' and string.sub(ours[2], 1, 2) == own_prefix then
    call('SET', KEY_ST .. ours[2], ready[3] .. ours[1] .. '\0' .. ours[6], 'XX', 'KEEPTTL')
  end
  return {1, ours[1], ours[2], wanted and 1 or 0, ours[6]}, value
end
