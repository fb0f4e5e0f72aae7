-- rate: lease segments of accounts' rates to processes, from one token bucket an account.
--
-- KEYS[1]  partition tag, {pNN}; keys used: {pNN}:rate:<account> {pNN}:done:<slot>
-- ARGV[1]  slot, ARGV[2] call number, ARGV[3] deadline (ms, Redis' clock, 0 none)
-- ARGV[4]  msgpack [process, life of a slice (ms), items]
--          item: [account, rate (segments/s), burst, left, back, waiting, ahead], all but the rate in segments:
--          left: what the process still has; back: what it returns, below 0 what it spent without asking;
--          waiting: [[segments of a message, how many such messages in a row], ...] that wait, in their order;
--          ahead: what it would like to have for what is to come
-- Returns  msgpack [per item: [granted, what is left in the bucket]]; below 0 after a message larger than the burst
--
-- What processes hold for later counts as being in the bucket, or several that hold some would make the burst larger:
-- the bucket is full with burst less what is held, and never more than rate × time + burst is granted to be spent. Who
-- waits takes what it needs in its order, and whoever does not fit is passed over. A slice that nobody speaks of ends
-- with its life; a process ends it earlier, so nobody spends what another one has got again.
-- Of what is wished ahead at most half of the bucket is granted: others may come next.
-- Atomic because all processes take from one bucket.
-- include: replay
local input = unpack_message(ARGV[4])
local process, life_ms, items = input[1], input[2], input[3]
local ROUNDING = 0.000001
local time = call('TIME')
local now = time[1] * 1000 + time[2] / 1000

local function whole(segments)
  return math.max(0, math.floor(segments + ROUNDING))
end

-- The bucket as it was left, without slices that have ended: when that was, level, process → [segments, end].
local function bucket_of(key, burst)
  local found = call('GET', key)
  if not found then return now, burst, {} end
  local at, level, slices = unpack(unpack_message(found))
  for who, slice in pairs(slices) do
    slice[2] = math.min(slice[2], now + life_ms)  -- the clock may have been set back
    if slice[2] <= now then slices[who] = nil end
  end
  return at, level, slices
end

-- How much of `have` those that wait spend. More than the burst goes when it is full, and is paid for afterwards.
local function spent_by(waiting, have, burst)
  local spent = 0
  for n = 1, #waiting do
    local size, count = waiting[n][1], waiting[n][2]
    local fits = math.min(count, whole((have - spent) / size))
    if size > burst and have - spent >= burst - ROUNDING then fits = 1 end
    spent = spent + fits * size
  end
  return spent
end

local function lease(item)
  local key, rate, burst, left, back = KEY_RATE .. item[1], item[2], item[3], item[4], item[5]
  local waiting, ahead = item[6], item[7]
  local at, level, slices = bucket_of(key, burst)
  local had, others = slices[process] and slices[process][1] or 0, 0
  for who, slice in pairs(slices) do
    if who ~= process then others = others + slice[1] end
  end
  -- What was held since then was held all the while: nothing came in in its place.
  level = math.min(level + math.max(0, now - at) * rate / 1000, burst - others - had)
  level = math.min(level + math.max(0, math.min(back, had - left)) + math.min(0, back), burst - others - left)
  local spent = spent_by(waiting, level + left, burst)
  local granted = math.max(0, spent - left)
  level = level - granted
  local extra = math.min(ahead, whole(level / 2))
  granted, level = granted + extra, level - extra
  local held = left + granted - spent
  slices[process] = nil
  if held > 0 then slices[process] = {held, now + life_ms} end
  if next(slices) == nil and level >= burst - ROUNDING then
    call('DEL', key)
  else
    local full_ms = life_ms + math.max(0, burst - level) / rate * 1000
    call('SET', key, pack_message({now, level, slices}), 'PX', string.format('%.0f', math.ceil(full_ms)))
  end
  return {granted, level}
end

local replies = {}
for i = 1, #items do replies[i] = lease(items[i]) end
return finish(pack_message(replies))
