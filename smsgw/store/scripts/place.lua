-- place: write keys as they were read from another store.
--
-- KEYS[1]  partition tag, {pNN}; keys used: {pNN}:part:<stream> {pNN}:done:<slot>, and those that are named
-- ARGV[1]  slot, ARGV[2] call number, ARGV[3] deadline (ms, Redis' clock, 0 none)
-- ARGV[4]  msgpack [row...]; row: [how, what follows the tag in the key, value, TTL (ms, 0 or less: none)]
--          string: the value; list, hash: its parts, flat; all three replace what is there
--          hset, zadd, sadd: parts that are added, flat, no more than some thousands
--          xadd: [entry id, fields, messages]; with messages > 0 it is an entry of a queue (see entries)
-- Returns  msgpack [positions from 1 of rows that replaced something]
--
-- Atomic because an entry of a queue and its share of the count come together.
-- include: replay
-- include: entries
local input = unpack_message(ARGV[4])
local WHOLE = {string = true, list = true, hash = true}
local COMMAND = {list = 'RPUSH', hash = 'HSET', hset = 'HSET', zadd = 'ZADD', sadd = 'SADD'}
-- What Lua may unpack at once is limited; even, so that names and values stay together.
local AT_ONCE = 2000

local function add(command, key, parts)
  for first = 1, #parts, AT_ONCE do
    call(command, key, unpack(parts, first, math.min(first + AT_ONCE - 1, #parts)))
  end
end

local function add_entry(key, id, fields, messages)
  call('XADD', key, id, unpack(fields))
  if messages > 1 then call('HSET', part_of(key), id, whole(messages * TOTAL_UNIT)) end
  if messages > 0 then call('HINCRBY', part_of(key), 'n', whole(messages)) end
end

local replaced = {}
for i = 1, #input do
  local how, key, value, ttl = input[i][1], KEYS[1] .. input[i][2], input[i][3], input[i][4]
  if WHOLE[how] and call('DEL', key) == 1 then replaced[#replaced + 1] = i end
  if how == 'string' then
    call('SET', key, value)
  elseif how == 'xadd' then
    add_entry(key, value[1], value[2], value[3])
  else
    add(COMMAND[how], key, value)
  end
  if ttl > 0 then call('PEXPIRE', key, string.format('%.0f', ttl)) end
end
return finish(pack_message(replaced))
