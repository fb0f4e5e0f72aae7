-- binds: count the binds of accounts over all processes, so that an account has no more than it may.
--
-- KEYS[1]  partition tag, {pNN}; keys used: {pNN}:binds:<account> {pNN}:bound {pNN}:done:<slot>
-- ARGV[1]  slot, ARGV[2] call number, ARGV[3] deadline (ms, Redis' clock, 0 none)
-- ARGV[4]  msgpack [process, token of its life, TTL of what it says (ms), leaves (0/1), items]
--          item: [account, binds that this process has, how many more it wants, how many the account may have]
-- Returns  msgpack [per item: [how many more it has now, binds at other processes]]
--
-- A process says what it has, not what has changed: saying it twice is no harm, and what was lost is put right the next
-- time. What it said is believed while its lease lives, and only of the same life: one that was killed and started
-- again has none. Every call renews the lease.
-- Atomic because two processes must not both take the last place.
-- include: replay
-- include: living
local input = unpack_message(ARGV[4])
local process, token, ttl, leaves, items = input[1], input[2], input[3], input[4] == 1, input[5]
local FORGOTTEN_MS = '3600000'

local lives, ended = {}, {}
local found = call('HGETALL', KEY_BOUND)
local note
for n = 1, #found, 2 do
  if found[n] == '#' then note = found[n + 1] end
end
note = noted(note, ttl)
for n = 1, #found, 2 do
  if found[n] ~= '#' and found[n] ~= process then
    local its_token, ends = string.match(found[n + 1], '^(%S+) (%d+)$')
    if is_live(tonumber(ends)) then lives[found[n]] = its_token else ended[#ended + 1] = found[n] end
  end
end
if leaves then ended[#ended + 1] = process end
if ended[1] then call('HDEL', KEY_BOUND, unpack(ended)) end
call('HSET', KEY_BOUND, '#', note)
if not leaves then call('HSET', KEY_BOUND, process, token .. ' ' .. whole(now + ttl)) end
call('PEXPIRE', KEY_BOUND, FORGOTTEN_MS)

local function turn_of(item)
  local key, has, wants, allowed = KEY_BINDS .. item[1], item[2], item[3], item[4]
  local fields, others, gone = call('HGETALL', key), 0, {}
  for f = 1, #fields, 2 do
    local its_token, count = string.match(fields[f + 1], '^(%S+) (%d+)$')
    if fields[f] ~= process then
      if lives[fields[f]] == its_token then others = others + count else gone[#gone + 1] = fields[f] end
    end
  end
  local granted = math.max(0, math.min(wants, allowed - has - others))
  if has + granted > 0 then
    call('HSET', key, process, token .. ' ' .. whole(has + granted))
    call('PEXPIRE', key, FORGOTTEN_MS)
  else
    gone[#gone + 1] = process
  end
  if gone[1] then call('HDEL', key, unpack(gone)) end
  return {granted, others}
end

local replies = {}
for i = 1, #items do replies[i] = turn_of(items[i]) end
return finish(pack_message(replies))
