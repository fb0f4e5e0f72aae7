-- Entries of streams: up to 40 messages in one, so that a batch costs Redis one XADD, one delivery and one XACK.
-- An entry of one message has the message's own fields. An entry of several has one field: 'b' a msgpack list of
-- blobs, or 'f' a msgpack list of field lists. Beside each stream lies a hash, {pNN}:part:<rest of the stream's key>:
-- 'n' → messages waiting in the stream; entry id of several → total * 2^40 + bit mask of those settled.
-- An entry, its field and its share of 'n' come and go in one script.
local GROUP = 'edge'
local MOST_IN_ENTRY = 40
local TOTAL_UNIT = 1099511627776

local function part_of(stream)
  return KEYS[1] .. ':part' .. string.sub(stream, #KEYS[1] + 1)
end

local function whole(number)
  return string.format('%.0f', number)
end

-- Append messages: blobs when name is 'b', field lists when it is 'f'. Gives how many messages wait now.
local function append(stream, name, messages)
  local part = part_of(stream)
  local count = #messages
  if count == 1 then
    if name == 'b' then
      call('XADD', stream, '*', 'm', messages[1])
    else
      call('XADD', stream, '*', unpack(messages[1]))
    end
    return call('HINCRBY', part, 'n', 1)
  end
  for first = 1, count, MOST_IN_ENTRY do
    local last = math.min(first + MOST_IN_ENTRY - 1, count)
    local some = messages
    if first > 1 or last < count then some = {unpack(messages, first, last)} end
    local id = call('XADD', stream, '*', name, pack_message(some))
    call('HSET', part, id, whole(#some * TOTAL_UNIT))
  end
  return call('HINCRBY', part, 'n', count)
end

-- Settle messages. ids: distinct entry ids; indexes[i]: positions (from 0) inside ids[i], {-1} for an entry of one
-- message. Calls settled(i, k) for indexes[i][k] if that message still waited, in this order of i and k.
local function settle_entries(stream, ids, indexes, settled)
  local part = part_of(stream)
  local masks = call('HMGET', part, unpack(ids))
  local ended, changed, forgotten, count = {}, {}, {}, 0
  for i = 1, #ids do
    local mask = masks[i] and tonumber(masks[i])
    if indexes[i][1] < 0 then
      if call('XACK', stream, GROUP, ids[i]) == 1 then
        ended[#ended + 1] = ids[i]
        count = count + 1
        if settled then settled(i, 1) end
      end
    elseif mask then
      local total = math.floor(mask / TOTAL_UNIT)
      for k = 1, #indexes[i] do
        local bit_value = 2 ^ indexes[i][k]
        if indexes[i][k] < total and math.floor(mask / bit_value) % 2 == 0 then
          mask = mask + bit_value
          count = count + 1
          if settled then settled(i, k) end
        end
      end
      if mask % TOTAL_UNIT == 2 ^ total - 1 then
        ended[#ended + 1] = ids[i]
        forgotten[#forgotten + 1] = ids[i]
      else
        changed[#changed + 1] = ids[i]
        changed[#changed + 1] = whole(mask)
      end
    end
  end
  if changed[1] then call('HSET', part, unpack(changed)) end
  if forgotten[1] then
    call('XACK', stream, GROUP, unpack(forgotten))
    call('HDEL', part, unpack(forgotten))
  end
  if ended[1] then call('XDEL', stream, unpack(ended)) end
  if count > 0 then call('HINCRBY', part, 'n', -count) end
end

-- One message; true when it still waited.
local function settle_one(stream, id, index)
  local found = false
  settle_entries(stream, {id}, {{index}}, function() found = true end)
  return found
end

-- Messages waiting. A stream that somebody deleted leaves its count behind; that must not refuse messages for ever.
local function waiting(stream, limit)
  local part = part_of(stream)
  local count = tonumber(call('HGET', part, 'n') or 0)
  if count >= limit and call('XLEN', stream) == 0 then
    call('DEL', part)
    count = 0
  end
  return count
end

-- Delete the oldest entries until at most `limit` messages wait.
local function trim(stream, count, limit)
  local part = part_of(stream)
  while count > limit do
    local oldest = call('XRANGE', stream, '-', '+', 'COUNT', '1')[1]
    if not oldest then
      call('DEL', part)
      return
    end
    local mask, left = tonumber(call('HGET', part, oldest[1]) or 0), 1
    if mask > 0 then
      left = math.floor(mask / TOTAL_UNIT)
      local bits = mask % TOTAL_UNIT
      while bits > 0 do
        left = left - bits % 2
        bits = math.floor(bits / 2)
      end
    end
    call('XACK', stream, GROUP, oldest[1])
    call('XDEL', stream, oldest[1])
    call('HDEL', part, oldest[1])
    count = call('HINCRBY', part, 'n', -left)
  end
end
