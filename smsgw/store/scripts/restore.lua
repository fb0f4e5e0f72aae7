-- restore: merge what a backup knows of recipients, and counters of quotas, into what the store knows.
--
-- KEYS[1]  partition tag, {pNN}; keys used: {pNN}:who:<hash> {pNN}:quota:<account>:<bucket> {pNN}:done:<slot>
-- ARGV[1]  slot, ARGV[2] call number, ARGV[3] deadline (ms, Redis' clock, 0 none)
-- ARGV[4]  msgpack [at (business ms), only look (0/1), recipients, quotas]; recipient: [hash, packed map as it lay in
--          the store]; quota: [account, bucket, messages, TTL (ms)]
-- Returns  msgpack [recipients that changed, quotas that changed]; looking only: that would change
--
-- In whatever order several backups and the store's own changes come together, the same is known afterwards: of an
-- opt-out, a subscription and a consent the newest counts, at the same time the opt-out; an imported consent undoes no
-- opt-out; of two entries of a list the one that ends later stays; a tier and what is counted stay as the store has them.
-- What this version doesn't know is taken where nothing is there. A counter of a quota is only ever raised.
-- Atomic because it reads, compares and writes, and a backup must never undo what is newer.
-- include: replay
-- include: known
local input = unpack_message(ARGV[4])
local at, look_only = input[1], input[2] == 1
if not look_only then call('DEL', KEY_DONE .. 'none') end

local function ends_later(theirs, mine)
  if (mine[4] or 0) == 0 then return false end
  return (theirs[4] or 0) == 0 or theirs[4] > mine[4]
end

local function counts_more(name, theirs, mine)
  local kind = string.sub(name, 1, 1)
  if type(theirs) ~= 'table' or type(mine) ~= 'table' then return false end
  if kind == 'o' or kind == 's' then return theirs[2] > mine[2] end
  if kind == 'c' then
    if theirs[4] ~= mine[4] then return theirs[4] < mine[4] end
    return theirs[2] > mine[2]
  end
  return (kind == 'b' or kind == 'd') and ends_later(theirs, mine)
end

-- Of what was taken from both sides, what can't hold together.
local function settle_scopes(who)
  for name, out in pairs(who) do
    if string.sub(name, 1, 1) == 'o' then
      local scope = string.sub(name, 2)
      local again, consent = who['s' .. scope], who['c' .. scope]
      if again and again[2] > out[2] or consent and consent[4] == 0 and consent[2] > out[2] then
        who[name] = nil
      elseif again then
        who['s' .. scope] = nil
      end
    end
  end
end

local function differ(one, other)
  for name, entry in pairs(one) do
    if other[name] ~= entry then return true end
  end
  for name in pairs(other) do
    if one[name] == nil then return true end
  end
  return false
end

local function merge(item)
  local key = KEY_WHO .. item[1]
  local packed = call('GET', key)
  local before = packed and unpack_message(packed) or {}
  local who, theirs = {}, unpack_message(item[2])
  for name, entry in pairs(before) do who[name] = entry end
  last_end(theirs, at)
  for name, entry in pairs(theirs) do
    if who[name] == nil or counts_more(name, entry, who[name]) then who[name] = entry end
  end
  settle_scopes(who)
  if not differ(who, before) then return 0 end
  if not look_only then save(key, who, at) end
  return 1
end

local function raise(item)
  local key = KEY_QUOTA .. item[1] .. ':' .. item[2]
  if tonumber(call('GET', key) or '0') >= item[3] then return 0 end
  if not look_only then
    call('SET', key, string.format('%.0f', item[3]), 'PX', string.format('%.0f', math.max(item[4], 1)))
  end
  return 1
end

local changed, raised = 0, 0
for i = 1, #input[3] do changed = changed + merge(input[3][i]) end
for i = 1, #input[4] do raised = raised + raise(input[4][i]) end
return finish(pack_message({changed, raised}))
