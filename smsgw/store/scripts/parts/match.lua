-- One receipt against the receipt map; used where receipts come in and where an early one finds its response.
-- The map's value is, until a final state has been reported,
--   '0' and msgpack [account, message id, out tag, mask, origin, source, due, recipient hash], or for an id that stands for several of
--       our messages or for a part of one
--   '2' and msgpack [account, out tag, source, due, targets, recipient hash], see parts/share.lua,
-- and then '1' and the message id: what is final stays final, and is kept short. 'A', eight characters and another id: it
-- is found there. due: where its receipt is tallied, see parts/tally.lua. recipient hash: see
-- parts/alive.lua, '' for none.
-- kind: 1 success, 2 failure, 4 intermediate; final: 0/1. mask: kinds that are wanted; 8: a final failure is not decided
-- here, for the message may go elsewhere: {7, account, message id, mask, origin}. Whoever gets that decides, once for all
-- processes ({pNN}:deciding:<carrier>:<cid>); the same receipt meanwhile gets {8}, and must be asked about again.
-- limits: [duplicate TTL (ms), out stream limit, state TTL (ms; 0: update only states that are there), receipt TTL (ms),
-- event limit, now (business ms)].
-- Of a failure the origin is given too: whoever learns from it must know the recipient.
-- match_receipt gives what correlate.lua returns for one item, and the map's value afterwards; nothing is written when
-- the receipt must be passed on elsewhere. flush_receipts, flush_states and flush_alive must follow: they
-- write what was matched.
local SUCCESS, UNDECIDED = 1, 8
-- Longer than anybody tries to put a message into a stream; then it is taken for dead.
local DECIDING_MS = '60000'
local own_prefix = string.sub(KEYS[1], 3, 4)

local function limits_of(list)
  return {
    duplicate_ttl = string.format('%.0f', list[1]), out = list[2], state_ttl = string.format('%.0f', list[3]),
    receipt_ttl = string.format('%.0f', list[4]), events = string.format('%.0f', list[5]), now = list[6],
  }
end

local function ended(suffix, message_id, due, limits)
  local value = '1' .. message_id
  call('SET', KEY_RCPT .. suffix, value, 'PX', limits.duplicate_ttl)
  tally(suffix, 'a', due, -1)
  return value
end

local function match_shared(suffix, value, kind, final, blob, limits)
  local ours = unpack_message(string.sub(value, 2))
  if ours[2] ~= KEYS[1] then return {6, string.sub(value, 2)}, value end
  local told = share(ours[1], ours[5], kind, final, blob, limits)
  if final == 1 then value = ended(suffix, ours[5][1][1], ours[4], limits) end
  if kind == SUCCESS then delivered_to(ours[6]) end
  return {5, ours[1], ours[3], ours[5][1][3], told}, value
end

local function match_receipt(suffix, value, kind, final, header, blob, limits)
  local form = string.byte(value)
  if form == 49 then
    return {0, string.sub(value, 2)}, value
  elseif form == 50 then
    return match_shared(suffix, value, kind, final, blob, limits)
  elseif form == 65 then
    return {4, string.sub(value, 10)}, value
  end
  local ours = unpack_message(string.sub(value, 2))
  local account, message_id = ours[1], ours[2]
  if kind == FAILURE and final == 1 and bit.band(ours[4], UNDECIDED) ~= 0 then
    if not call('SET', KEY_DECIDING .. suffix, '1', 'NX', 'PX', DECIDING_MS) then return {8}, value end
    return {7, account, message_id, ours[4], ours[5]}, value
  end
  local wanted = bit.band(ours[4], kind) ~= 0
  if wanted then
    if ours[3] ~= KEYS[1] then
      return {3, account, message_id, ours[4], ours[5], ours[3], ours[6]}, value
    end
    pass_on(account, ours[5], blob, message_id)
  end
  if final == 1 then value = ended(suffix, message_id, ours[7], limits) end
  if kind == SUCCESS then delivered_to(ours[8]) end
  local source = false
  if header ~= '' then
    if string.sub(message_id, 1, 2) ~= own_prefix then
      source = ours[6]
    else
      write_state(message_id, header .. account .. '\0' .. ours[6])
    end
  end
  if kind == FAILURE then return {1, account, message_id, wanted and 1 or 0, source, ours[5]}, value end
  return {1, account, message_id, wanted and 1 or 0, source}, value
end
