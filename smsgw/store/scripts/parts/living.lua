-- Shared by scripts that know who lives, by leases on Redis' clock. A hash notes under '#' when it was last called.
-- A lease is valid until its time is over. When nobody has called for half that time, Redis itself was away, so those
-- that were valid before are valid for once that time more.
-- After it: `now` (ms), `whole(number)` as text, `noted(what '#' holds, ttl)`, which gives what to write there and must
-- be called first, `is_live(end of a lease)`.
local time = call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local grace_from, grace_until = now, 0

local function whole(number)
  return string.format('%.0f', number)
end

local function noted(note, ttl)
  if note then
    local last, from, ends = string.match(note, '^(%d+) (%d+) (%d+)$')
    grace_from, grace_until = tonumber(from), tonumber(ends)
    if now - last > ttl / 2 then grace_from, grace_until = tonumber(last), now + ttl end
  end
  return whole(now) .. ' ' .. whole(grace_from) .. ' ' .. whole(grace_until)
end

local function is_live(ends)
  return ends > now or (ends > grace_from and now < grace_until)
end
