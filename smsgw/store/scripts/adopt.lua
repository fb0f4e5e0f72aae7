-- adopt: give back to the streams what a consumer that is gone has read and not finished.
--
-- KEYS[1]  partition tag, {pNN}; keys used: {pNN}:hwm:<consumer> {pNN}:part:<stream> {pNN}:done:<slot>
-- ARGV[1]  slot, ARGV[2] call number, ARGV[3] deadline (ms, Redis' clock, 0 none)
-- ARGV[4]  msgpack [consumer, its token, new owner of its marks, limit, ends (0/1), [stream, first entry...]]
--          ends: delete the consumer where nothing is left, and its marks when nothing is left anywhere
-- Returns  msgpack [0] the consumer has a new life, nothing was done; or
--          [1, messages given back, [stream, entry, [fields], bit mask of those settled, mark]..., [stream, next entry,
--          where there is more]]; with ends: [1, entries left]
--
-- An entry above the consumer's high-water mark was surely not sent, so it goes to the end of its stream, for anybody.
-- One up to the mark is uncertain: it stays, and the caller decides by the message's class. Streams of receipts have
-- no marks. From the first call on nothing of this consumer can be marked: whoever it was can send no more.
-- Atomic because the entry and its copy must never both be there, and the marks must stand still.
-- include: replay
-- include: entries
local input = unpack_message(ARGV[4])
local consumer, token, limit, ends, wanted = input[1], input[2], input[4], input[5] == 1, input[6]
-- A first write that needs no memory: what was accepted must be sent, also by a full Redis.
call('DEL', KEY_DONE .. 'none')
local marks = KEY_HWM .. consumer
local owner = call('HGET', marks, 'owner')
if not owner or (owner ~= token and string.sub(owner, 1, 6) ~= 'adopt:') then return finish(pack_message({0})) end
if owner ~= input[3] then call('HSET', marks, 'owner', input[3]) end

local function pending(stream, first, count)
  local rows = redis.pcall('XPENDING', stream, GROUP, first, '+', count, consumer)
  return rows.err and {} or rows
end

if ends then
  local left = 0
  for n = 1, #wanted, 2 do
    if pending(wanted[n], '-', '1')[1] then
      left = left + 1
    else
      redis.pcall('XGROUP', 'DELCONSUMER', wanted[n], GROUP, consumer)
    end
  end
  if left == 0 then call('DEL', marks) end
  return finish(pack_message({1, left}))
end

local function parts(id)
  local ms, sequence = string.match(id, '^(%d+)-(%d+)')
  return tonumber(ms), tonumber(sequence)
end

local function is_above(id, mark)
  if not mark then return true end
  local ms, sequence = parts(id)
  local mark_ms, mark_sequence = parts(mark)
  return ms > mark_ms or (ms == mark_ms and sequence > mark_sequence)
end

-- The messages of an entry that are not settled; as blobs or as lists of fields.
local function unsettled(fields, mask)
  if fields[1] == 'm' then return 'b', {fields[2]} end
  if fields[1] ~= 'b' and fields[1] ~= 'f' then return 'f', {fields} end
  local all, kept = unpack_message(fields[2]), {}
  for n = 1, #all do
    if math.floor(mask / 2 ^ (n - 1)) % 2 == 0 then kept[#kept + 1] = all[n] end
  end
  return fields[1], kept
end

local function give_back(stream, id, fields, mask)
  local part = part_of(stream)
  local name, messages = unsettled(fields, mask)
  if messages[1] then append(stream, name, messages) end
  call('XACK', stream, GROUP, id)
  call('XDEL', stream, id)
  call('HDEL', part, id)
  call('HINCRBY', part, 'n', -#messages)
  return #messages
end

local moved, uncertain, more = 0, {}, {}
for n = 1, #wanted, 2 do
  local stream = wanted[n]
  local mark = call('HGET', marks, stream)
  local rows = pending(stream, wanted[n + 1], limit)
  for r = 1, #rows do
    local id = rows[r][1]
    local entry = call('XRANGE', stream, id, id)[1]
    if not entry then
      call('XACK', stream, GROUP, id)
    else
      local mask = tonumber(call('HGET', part_of(stream), id) or 0) % TOTAL_UNIT
      if is_above(id, mark) then
        moved = moved + give_back(stream, id, entry[2], mask)
      else
        uncertain[#uncertain + 1] = {stream, id, entry[2], mask, mark}
      end
    end
  end
  if #rows == limit then
    more[#more + 1] = stream
    more[#more + 1] = '(' .. rows[#rows][1]
  end
end
return finish(pack_message({1, moved, uncertain, more}))
