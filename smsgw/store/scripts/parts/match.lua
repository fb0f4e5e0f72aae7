-- One receipt against the receipt map; used where receipts come in and where an early one finds its response.
-- The map's value is '0' and msgpack [account, message id, out tag, mask, origin, source] until a final state
-- has been reported, then '1' and the message id: what is final stays final, and is kept short.
-- kind: 1 success, 2 failure, 4 intermediate; final: 0/1.
-- limits: [duplicate TTL (ms), out stream limit, state TTL (ms; 0: update only states that are there)].
-- Of a failure the origin is given too: whoever learns from it must know the recipient.
-- match_receipt gives what correlate.lua returns for one item, and the map's value afterwards; nothing is written when
-- the out stream is in another partition. flush_receipts must follow: it appends what was matched.
local own_prefix = string.sub(KEYS[1], 3, 4)
local receipts, accounts = {}, {}
local FAILURE = 2

local function limits_of(list)
  return {duplicate_ttl = string.format('%.0f', list[1]), out = list[2], state_ttl = string.format('%.0f', list[3])}
end

local function match_receipt(suffix, value, kind, final, header, blob, limits)
  if string.byte(value) == 49 then
    return {0, string.sub(value, 2)}, value
  end
  local ours = unpack_message(string.sub(value, 2))
  local account, message_id = ours[1], ours[2]
  local wanted = bit.band(ours[4], kind) ~= 0
  if wanted then
    if ours[3] ~= KEYS[1] then
      return {3, account, message_id, ours[4], ours[5], ours[3], ours[6]}, value
    end
    local list = receipts[account]
    if not list then
      list = {}
      receipts[account] = list
      accounts[#accounts + 1] = account
    end
    list[#list + 1] = {'o', ours[5], 'r', blob, 'i', message_id}
  end
  if final == 1 then
    value = '1' .. message_id
    call('SET', KEY_RCPT .. suffix, value, 'PX', limits.duplicate_ttl)
  end
  local source = false
  if header ~= '' then
    if string.sub(message_id, 1, 2) ~= own_prefix then
      source = ours[6]
    else
      write_state(message_id, header .. account .. '\0' .. ours[6], limits.state_ttl)
    end
  end
  if kind == FAILURE then return {1, account, message_id, wanted and 1 or 0, source, ours[5]}, value end
  return {1, account, message_id, wanted and 1 or 0, source}, value
end

local function flush_receipts(limits)
  for n = 1, #accounts do
    local stream = KEY_OUT .. accounts[n]
    local count = append(stream, 'f', receipts[accounts[n]])
    if count > limits.out then trim(stream, count, limits.out) end
  end
end
