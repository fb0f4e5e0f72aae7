-- quota: lease messages of accounts' days and months to a process, and take back what it did not use.
--
-- KEYS[1]  partition tag, {pNN}; keys used: {pNN}:quota:<account>:<bucket> {pNN}:done:<slot>
-- ARGV[1]  slot, ARGV[2] call number, ARGV[3] deadline (ms, Redis' clock, 0 none)
-- ARGV[4]  msgpack [TTL (ms), items]; item: [account, want, least, [[bucket, limit]...]]; want below 0 gives back
-- Returns  msgpack [per item: how many were granted, 0 for what was given back]
--
-- Of what is left an eighth at most is granted at once, so that the last messages of a quota are shared by all
-- processes; but `least` if there is as much.
-- Atomic because all buckets of a message count together, and processes must never get more than the limit.
-- include: replay
local input = unpack_message(ARGV[4])
local ttl, items = string.format('%.0f', input[1]), input[2]
local SHARE = 8

local function grant(keys, buckets, want, least)
  local left = want * SHARE
  for n = 1, #keys do
    left = math.min(left, buckets[n][2] - tonumber(call('GET', keys[n]) or 0))
  end
  if left < least then return 0 end
  local count = math.min(want, math.max(least, math.ceil(left / SHARE)))
  for n = 1, #keys do
    call('INCRBY', keys[n], count)
    call('PEXPIRE', keys[n], ttl)
  end
  return count
end

local function take_back(keys, count)
  for n = 1, #keys do
    local leased = tonumber(call('GET', keys[n]) or 0)
    if leased > 0 then call('DECRBY', keys[n], math.min(leased, count)) end
  end
  return 0
end

local replies = {}
for i = 1, #items do
  local account, want, least, buckets = items[i][1], items[i][2], items[i][3], items[i][4]
  local keys = {}
  for n = 1, #buckets do keys[n] = KEY_QUOTA .. account .. ':' .. buckets[n][1] end
  replies[i] = want < 0 and take_back(keys, -want) or grant(keys, buckets, want, least)
end
return finish(pack_message(replies))
