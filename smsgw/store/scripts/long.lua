-- long: gather the segments of long messages.
--
-- KEYS[1]  partition tag, {pNN}; keys used: {pNN}:long:<group> {pNN}:longdue {pNN}:done:<slot>
-- ARGV[1]  slot, ARGV[2] call number, ARGV[3] deadline (ms, Redis' clock, 0 none)
-- ARGV[4]  msgpack [group TTL (ms), items]; item: [group, index (from 1), total, blob, expires (business ms)] put
--          total 0: replace the segment's blob if it still waits
--          total -1: put the group aside under the name in blob, unless it is complete
-- Returns  msgpack [per item: 0 incomplete · [1, [blob...]] this one completed it, in order · 2 the group was
--          complete before: a duplicate · [3, blob, group] incomplete, and this one took the place of an earlier one,
--          which is aside in a group of its own, until the same time]
--
-- Atomic because of two last segments exactly one may find the message complete. The group stays, marked, until
-- admit decides on it, so that a crash between the two loses nothing.
-- include: replay
local input = unpack_message(ARGV[4])
local ttl, items = string.format('%.0f', input[1]), input[2]
local TAKEN = 't'

-- A segment whose place another one has taken was promised perhaps: its end is reported like that of a whole group.
local function put_alone(item, index, blob)
  local group = item[1] .. '~' .. redis.sha1hex(blob)
  call('HSET', KEY_LONG .. group, index, blob)
  call('PEXPIRE', KEY_LONG .. group, ttl)
  call('ZADD', KEY_LONGDUE, string.format('%.0f', item[5]), group)
  return group
end

local function put(key, item)
  local group, index, total = item[1], tostring(item[2]), item[3]
  if call('HEXISTS', key, TAKEN) == 1 then return 2 end
  local before = call('HGET', key, index)
  call('HSET', key, index, item[4])
  if not before then
    call('ZADD', KEY_LONGDUE, 'NX', string.format('%.0f', item[5]), group)
    call('PEXPIRE', key, ttl)
  end
  if call('HLEN', key) < total then
    if before then return {3, before, put_alone(item, index, before)} end
    return 0
  end
  local indexes = {}
  for n = 1, total do indexes[n] = tostring(n) end
  local blobs = call('HMGET', key, unpack(indexes))
  for n = 1, total do
    -- an index beyond the total: never complete, it expires
    if not blobs[n] then return 0 end
  end
  call('HSET', key, TAKEN, '1')
  return {1, blobs}
end

-- What comes for the group from now on begins a new one; the old one is reported and dropped under its new name.
local function put_aside(key, item)
  if call('HEXISTS', key, TAKEN) == 1 then return end
  call('ZREM', KEY_LONGDUE, item[1])
  if call('EXISTS', key) == 1 then
    call('RENAME', key, KEY_LONG .. item[4])
    call('ZADD', KEY_LONGDUE, string.format('%.0f', item[5]), item[4])
  end
end

local replies = {}
for i = 1, #items do
  local item = items[i]
  local key = KEY_LONG .. item[1]
  if item[3] > 0 then
    replies[i] = put(key, item)
  elseif item[3] < 0 then
    put_aside(key, item)
    replies[i] = 0
  else
    if call('HEXISTS', key, tostring(item[2])) == 1 then call('HSET', key, tostring(item[2]), item[4]) end
    replies[i] = 0
  end
end
return finish(pack_message(replies))
