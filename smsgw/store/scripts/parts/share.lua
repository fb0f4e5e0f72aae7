-- A carrier's id that stands for several of our messages, or one of several ids that stand for one of ours.
-- targets: [message id, mask, origin, part, parts]...: with parts 0 each is told of every receipt. Else our message is
-- gathered: {pNN}:gather:<message id> is a hash of the parts (from 0) that were delivered, and 'end' once it was told. It
-- is told of the first failure, or once all parts were delivered; what is not final of its first part only.
-- Lies in the partition of the account's out stream. flush_receipts must follow.
local FAILURE = 2
local receipts, accounts = {}, {}

local function pass_on(account, origin, blob, message_id)
  local list = receipts[account]
  if not list then
    list = {}
    receipts[account] = list
    accounts[#accounts + 1] = account
  end
  list[#list + 1] = {'o', origin, 'r', blob, 'i', message_id}
end

local function flush_receipts(limits)
  for n = 1, #accounts do
    local stream = KEY_OUT .. accounts[n]
    local count = append(stream, 'f', receipts[accounts[n]])
    if count > limits.out then trim(stream, count, limits.out) end
  end
end

local function is_whole(target, kind, final, limits)
  local part, parts = target[4], target[5]
  if parts == 0 then return true end
  local key = KEY_GATHER .. target[1]
  if call('HEXISTS', key, 'end') == 1 then return false end
  if final == 0 then return part == 0 end
  call('HSET', key, kind == FAILURE and 'end' or tostring(part), '1')
  local whole = kind == FAILURE or call('HLEN', key) >= parts
  if whole then call('HSET', key, 'end', '1') end
  call('PEXPIRE', key, limits.receipt_ttl)
  return whole
end

-- Gives for each target [message id, told (0/1), passed on (0/1)].
local function share(account, targets, kind, final, blob, limits)
  local told = {}
  for t = 1, #targets do
    local target = targets[t]
    local whole = is_whole(target, kind, final, limits)
    local wanted = whole and bit.band(target[2], kind) ~= 0
    if wanted then pass_on(account, target[3], blob, target[1]) end
    told[t] = {target[1], whole and 1 or 0, wanted and 1 or 0}
  end
  return told
end
