-- How many messages of a carrier wait for their last receipt, and how many receipts for their message, by when they came:
-- {pNN}:tally:<carrier> is a hash, 'a' or 'o' and a bucket → count. A bucket is a time in whole seconds; 0 counts nothing.
-- flush_tallies must follow.
local tallies = {}

local function tally(suffix, what, bucket, count)
  if not bucket or bucket == 0 then return end
  local carrier = string.match(suffix, '^[^:]+')
  local counts = tallies[carrier] or {}
  tallies[carrier] = counts
  local field = what .. string.format('%.0f', bucket)
  counts[field] = (counts[field] or 0) + count
end

local function flush_tallies(limits)
  for carrier, counts in pairs(tallies) do
    local key, added = KEY_TALLY .. carrier, false
    for field, count in pairs(counts) do
      if count ~= 0 and call('HINCRBY', key, field, count) <= 0 then call('HDEL', key, field) end
      added = added or count > 0
    end
    if added then call('PEXPIRE', key, limits.receipt_ttl) end
  end
end
