-- admit: decide on new messages by what is known of their recipients, and take them in.
--
-- KEYS[1]  partition tag, {pNN}; keys used: {pNN}:who:<hash> {pNN}:c:<hash> {pNN}:mt:<carrier>:<lane>
--          {pNN}:part:<stream> {pNN}:held {pNN}:heldmsg {pNN}:st:<message id> {pNN}:long:<group> {pNN}:longdue
--          {pNN}:parked:<lot> {pNN}:lotof {pNN}:lots {pNN}:done:<slot>
-- ARGV[1]  slot, ARGV[2] call number, ARGV[3] deadline (ms, Redis' clock, 0 none)
-- ARGV[4]  msgpack [now (business ms), state TTL (ms), flags (1 dry; 2 × stage of memory, see store/memory), profiles, items]
--          profile: [stream suffix, [facts] (see parts/facts), [cap rows], queue limit, class, needs tier (0/1),
--                   [[stream suffix, [facts]]...] other carriers, for whom this one has on its blacklist; may be left out]
--          cap row: [key (4 octets), kind (0 clock, 1 rolling, 2 same content), limit, {tier: limit}, bucket start,
--                   bucket end, period] (ms)
--          item: [profile (from 1), recipient hash, at (business ms), blob, [message ids], state,
--                 content hash (8 octets or ''), tier, due ms, long group, lot, 1 if the group outlives a refusal]
-- Returns  '' when all were accepted, else msgpack [per item: 0 or [code, detail...]]:
--          1 forbidden [fact], 2 cap [row from 1, retry after ms, seen, limit], 3 queue full, 4 memory,
--          5 its long group is gone: decided before, 6 no consent
--          dry: msgpack [per item: [0 or [code, detail...], [count seen per cap row]]]
--
-- Atomic because every look must come before any count, and messages to one recipient must see each other.
-- include: replay
-- include: facts
-- include: caps
-- include: entries
-- include: lots
-- include: states
local input = unpack_message(ARGV[4])
local now, state_ttl, flags, profiles, items = input[1], string.format('%.0f', input[2]), input[3], input[4], input[5]
local dry = flags % 2 == 1
-- Of the classes 0 to 2 those from here on are refused: with each stage one more.
local no_room_from = 3 - math.floor(flags / 2)
local people, order = load_people(profiles, items)
local lengths, accepted, streams = {}, {}, {}

local function queue_length(stream, limit)
  local length = lengths[stream]
  if not length then
    length = waiting(KEY_MT .. stream, limit)
    lengths[stream] = length
  end
  return length
end

local function content_of(item)
  local content = item[7]
  return content ~= '' and content or nil
end

-- The stream of another carrier that may have the message, where only the carrier's own blacklist forbids it.
local function other_way(who, profile, refused, at)
  local others = profile[7]
  if not others or refused[1] ~= 1 or string.sub(refused[2], 1, 4) ~= 'b:c:' then return nil end
  for n = 1, #others do
    if not forbidden(who, others[n][2], at) then return others[n][1] end
  end
  return nil
end

-- 0 and the stream for the message, or why not.
local function refusal(item, profile, person)
  local stream = profile[1]
  if profile[2][1] then
    local refused = forbidden(person.who, profile[2], item[3])
    if refused then
      stream = other_way(person.who, profile, refused, item[3])
      if not stream then return refused end
    end
  end
  local rows = profile[3]
  if rows[1] then
    local refused = over_cap(person, rows, tier_of(item[8], profile, person), item[3], content_of(item))
    if refused then return refused end
  end
  if profile[5] >= no_room_from then return {4} end
  if profile[4] > 0 and queue_length(stream, profile[4]) >= profile[4] then return {3} end
  return 0, stream
end

local function take(item, profile, person, stream)
  if profile[3][1] then count_caps(person, profile, item[3], now, content_of(item)) end
  local ids = item[5]
  local due = item[9] or 0
  if due > 0 then
    if item[11] and item[11] ~= '' then park(ids[1], item[11], now) end
    call('ZADD', KEY_HELD, string.format('%.0f', due), ids[1])
    call('HSET', KEY_HELDMSG, ids[1], item[4])
  else
    local list = accepted[stream]
    if not list then
      list = {}
      accepted[stream] = list
      streams[#streams + 1] = stream
    end
    list[#list + 1] = item[4]
    if lengths[stream] then lengths[stream] = lengths[stream] + 1 end
  end
  if item[6] ~= '' then
    for i = 1, #ids do
      write_state(ids[i], item[6])
    end
  end
end

local replies = {}
local all_accepted = true
for i = 1, #items do
  local item = items[i]
  local profile = profiles[item[1]]
  local person = people[item[2]]
  local group = item[10]
  local reply, stream
  if group and group ~= '' and not dry and call('EXISTS', KEY_LONG .. group) == 0 then
    reply = {5}
  else
    reply, stream = refusal(item, profile, person)
  end
  if dry then
    reply = {reply, profile[3][1] and counts_seen(person, profile[3], item[3], content_of(item)) or {}}
    all_accepted = false
  else
    if reply == 0 then
      take(item, profile, person, stream)
    else
      all_accepted = false
    end
    -- Of segments that were promised, a refusal has yet to be reported: they stay until whoever asked has done that.
    if group and group ~= '' and (reply == 0 or item[12] ~= 1) then
      call('DEL', KEY_LONG .. group)
      call('ZREM', KEY_LONGDUE, group)
    end
  end
  replies[i] = reply
end
for n = 1, #streams do append(KEY_MT .. streams[n], 'b', accepted[streams[n]]) end
flush_states(state_ttl)
if not dry then save_people(order, now) end
if all_accepted then return finish('') end
return finish(pack_message(replies))
