-- optout: write what is known of recipients: opt-outs, re-subscriptions, tiers.
--
-- KEYS[1]  partition tag, {pNN}; keys used: {pNN}:who:<hash> {pNN}:events {pNN}:done:<slot>
-- ARGV[1]  slot, ARGV[2] call number, ARGV[3] deadline (ms, Redis' clock, 0 none)
-- ARGV[4]  msgpack [event limit, items]; item: [recipient hash, op, scope, source, at (business ms)]
--          op 1 opt out, 2 subscribe again, 3 tier (source is the tier, '' none)
--          scope: '', ':a:<account>', ':s:<signature>'
-- Returns  msgpack [per item: 1 changed, 0 something newer was known]
--
-- The value is a msgpack map: 'o' .. scope → [source, at] opted out, 's' .. scope → the same for subscribed again,
-- 'tier' → text. Whichever is newer counts; of two at the same time the opt-out.
-- Atomic because it reads, compares and writes, and an older import must never undo what is newer.
-- include: replay
local input = unpack_message(ARGV[4])
-- A first write that needs no memory: a recipient's word counts, also by a full Redis.
call('DEL', KEY_DONE .. 'none')
local event_limit, items = string.format('%.0f', input[1]), input[2]

local function decide(who, item)
  local out, again = 'o' .. item[3], 's' .. item[3]
  local entry = {item[4], item[5]}
  if item[2] == 1 then
    if who[again] and who[again][2] > item[5] then return 0 end
    if who[out] and who[out][2] >= item[5] then return 0 end
    who[out], who[again] = entry, nil
  else
    if who[out] and who[out][2] >= item[5] then return 0 end
    if who[again] and who[again][2] >= item[5] then return 0 end
    who[out], who[again] = nil, entry
  end
  return 1
end

local replies = {}
for i = 1, #items do
  local item = items[i]
  local key = KEY_WHO .. item[1]
  local packed = call('GET', key)
  local who = packed and unpack_message(packed) or {}
  if item[2] == 3 then
    local tier = item[4] ~= '' and item[4] or nil
    replies[i] = who.tier ~= tier and 1 or 0
    who.tier = tier
  else
    replies[i] = decide(who, item)
  end
  if replies[i] == 1 then
    if next(who) then
      call('SET', key, pack_message(who))
    else
      call('DEL', key)
    end
    if item[2] ~= 3 then
      call('XADD', KEY_EVENTS, 'MAXLEN', '~', event_limit, '*', 'op', item[2] == 1 and 'optout' or 'subscribe',
        'who', item[1], 'scope', item[3], 'source', item[4], 'at', string.format('%.0f', item[5]))
    end
  end
end
return finish(pack_message(replies))
