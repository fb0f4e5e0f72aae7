-- facts: write what is known of recipients: opt-outs, consent, blacklists, dead numbers, tiers.
--
-- KEYS[1]  partition tag, {pNN}; keys used: {pNN}:who:<hash> {pNN}:events {pNN}:done:<slot>
-- ARGV[1]  slot, ARGV[2] call number, ARGV[3] deadline (ms, Redis' clock, 0 none)
-- ARGV[4]  msgpack [event limit, items]; item: [recipient hash, op, scope, source or reason, at (business ms), ...]
--          op 1 opt out, 2 subscribe again, 3 tier (source is the tier, '' none); 4 consent, 5 imported consent:
--          wording; 6 blacklist, 8 dead: by, ends (business ms, 0 never); 7 and 9 take such an entry away;
--          10 a failure towards dead, 11 one towards a carrier's blacklist: by, threshold, within (ms), keep (ms);
--          12 delivered; 13 blacklist by a complaint: by, ends; never makes an entry end sooner;
--          14 opt out by a list
--          scope: '', ':a:<account>', ':s:<signature>'; of blacklists '', ':c:<carrier>' or ':k:<carrier>' (its own cap)
-- Returns  msgpack [per item: 0 nothing changed, 1 changed, 2 not taken: an opt-out stands, 3 an entry was learnt,
--          4 the same word again, later, 5 a list's opt-out not taken: a subscription or consent is newer]
--
-- Entries are as in parts/facts. Of an opt-out, a subscription and a consent the newest counts, at the same time the
-- opt-out; but an imported consent neither undoes an opt-out nor keeps one from being written, whatever their times.
-- A key whose every entry ends lives a day longer than the last; one with anything for good has no TTL.
-- Atomic because it reads, compares and writes, and an older import must never undo what is newer.
-- include: replay
-- include: known
local input = unpack_message(ARGV[4])
-- A first write that needs no memory: a recipient's word counts, also by a full Redis.
call('DEL', KEY_DONE .. 'none')
local event_limit, items = string.format('%.0f', input[1]), input[2]
local OPTED_OUT, RENEWED, SUBSCRIBED = 2, 4, 5
local EVENTS = {
  'optout', 'subscribe', '', 'consent', 'consent', 'blacklist', 'unblacklist', 'dead', 'undead', 'dead', 'blacklist',
  'undead', 'blacklist', 'optout',
}

local function newer(entry, at)
  return entry and entry[2] > at
end

local function opt_out(who, item)
  local scope, at = item[3], item[5]
  local consent = who['c' .. scope]
  if consent and consent[4] == 1 then consent = nil end
  if newer(who['s' .. scope], at) or newer(consent, at) then return item[2] == 14 and SUBSCRIBED or NOTHING end
  local out = who['o' .. scope]
  if out and out[2] >= at then return NOTHING end
  who['o' .. scope], who['s' .. scope] = {item[4], at}, nil
  return out and RENEWED or CHANGED
end

local function subscribe(who, item)
  local scope, at = item[3], item[5]
  if who['o' .. scope] and who['o' .. scope][2] >= at then return NOTHING end
  local again = who['s' .. scope]
  if again and again[2] >= at then return NOTHING end
  who['o' .. scope], who['s' .. scope] = nil, {item[4], at}
  return again and RENEWED or CHANGED
end

local function consent(who, item)
  local scope, at, imported = item[3], item[5], item[2] == 5 and 1 or 0
  local out, known = who['o' .. scope], who['c' .. scope]
  if out and (imported == 1 or out[2] >= at) then return OPTED_OUT end
  if known and known[2] >= at and known[4] <= imported then return NOTHING end
  if known and known[4] < imported then return NOTHING end
  who['o' .. scope], who['c' .. scope] = nil, {item[4], at, item[6], imported}
  return CHANGED
end

local function set_tier(who, item)
  local tier = item[4] ~= '' and item[4] or nil
  if who.tier == tier then return NOTHING end
  who.tier = tier
  return CHANGED
end

-- By hand: replaces what there is, unless that is newer or the same.
local function put(who, name, entry)
  local known = who[name]
  if known and (known[2] > entry[2] or (known[1] == entry[1] and known[3] == entry[3] and known[4] == entry[4])) then
    return NOTHING
  end
  who[name] = entry
  return CHANGED
end

-- By itself: an entry only ever ends later.
local function extend(who, name, entry)
  local known = who[name]
  if known and (known[4] == 0 or (entry[4] ~= 0 and known[4] >= entry[4])) then return false end
  who[name] = entry
  return true
end

local function take_away(who, ...)
  local found = NOTHING
  for _, name in ipairs({...}) do
    if who[name] then who[name], found = nil, CHANGED end
  end
  return found
end

-- One failure more; the threshold-th within the time makes an entry.
local function learn(who, item, name, counter)
  local at, threshold, within = item[5], item[7], item[8]
  local times, ends = {}, 0
  for n = 2, #(who[counter] or times) do
    local before = who[counter][n]
    if before > at - within and before < at + within then times[#times + 1] = before end
  end
  times[#times + 1] = at
  if #times >= threshold then
    who[counter] = nil
    return extend(who, name, {item[4], at, item[6], at + item[9]}) and LEARNT or CHANGED
  end
  for n = 1, #times do ends = math.max(ends, times[n] + within) end
  who[counter] = {ends, unpack(times)}
  return CHANGED
end

local function decide(who, item)
  local op, scope = item[2], item[3]
  if op == 1 or op == 14 then return opt_out(who, item) end
  if op == 2 then return subscribe(who, item) end
  if op == 3 then return set_tier(who, item) end
  if op == 4 or op == 5 then return consent(who, item) end
  local entry = {item[4], item[5], item[6], item[7]}
  if op == 6 then return put(who, 'b' .. scope, entry) end
  if op == 7 then return take_away(who, 'b' .. scope, scope ~= '' and 'f' .. scope or nil) end
  if op == 8 then return put(who, 'd', entry) end
  if op == 9 then return take_away(who, 'd', 'f') end
  if op == 10 then return learn(who, item, 'd', 'f') end
  if op == 11 then return learn(who, item, 'b' .. scope, 'f' .. scope) end
  if op == 12 then return forget_failures(who, item[5]) end
  return extend(who, 'b' .. scope, entry) and CHANGED or NOTHING
end

local function report(item)
  local fields = {'op', EVENTS[item[2]], 'who', item[1], 'scope', item[3], 'source', item[4],
    'at', string.format('%.0f', item[5])}
  if item[6] then
    fields[#fields + 1] = (item[2] == 4 or item[2] == 5) and 'wording' or 'by'
    fields[#fields + 1] = item[6]
  end
  call('XADD', KEY_EVENTS, 'MAXLEN', '~', event_limit, '*', unpack(fields))
end

local replies = {}
for i = 1, #items do
  local item = items[i]
  local key = KEY_WHO .. item[1]
  local packed = call('GET', key)
  local who = packed and unpack_message(packed) or {}
  local op, reply = item[2], decide(who, item)
  if reply ~= NOTHING and reply ~= OPTED_OUT and reply ~= SUBSCRIBED then
    save(key, who, item[5])
    if EVENTS[op] ~= '' and (reply == LEARNT or op < 10 or op > 12) then report(item) end
  end
  replies[i] = reply
end
return finish(pack_message(replies))
