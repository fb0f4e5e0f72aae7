-- What is known of recipients: opt-outs and tier ({pNN}:who:<hash>) and counters ({pNN}:cap:<hash>).
-- Counters of one recipient are one msgpack map: cap key → list. The list's first entry is 0 for a clock cap, then
-- triples start, end, count; or the period (ms) of a rolling cap, then the times counted, ascending.
-- SLACK_MS keeps what has just ended: nodes' clocks differ a little.
-- The first message to a recipient within clock caps leaves the same counters whoever it goes to: they are packed
-- once a profile (`template`), and spelt out only if the batch has a second message to that recipient.
local SLACK_MS = 60000
local EXPIRE_SLACK_MS = 3600000
local NOTHING = {}

local function load_people(profiles, items)
  local people, order, keys, who = {}, {}, {}, {}
  local k = 0
  for i = 1, #items do
    local rhash = items[i][2]
    if not people[rhash] then
      local profile = profiles[items[i][1]]
      if profile[2][1] or profile[3][1] then
        people[rhash] = {}
        order[#order + 1] = rhash
        keys[k + 1] = KEY_WHO .. rhash
        keys[k + 2] = KEY_CAP .. rhash
        k = k + 2
      end
    end
  end
  if k == 0 then return people, order end
  local found = call('MGET', unpack(keys))
  for n = 1, #order do
    local person = people[order[n]]
    local facts, caps = found[2 * n - 1], found[2 * n]
    if facts then person.who = unpack_message(facts) end
    if caps then person.caps = unpack_message(caps) end
  end
  return people, order
end

local function caps_of(person)
  if not person.caps then
    person.caps = person.template and unpack_message(person.template[1]) or {}
    person.template = nil
  end
  return person.caps
end

local function tier_of(given, profile, person)
  if given and given ~= '' then return given end
  if profile[6] == 1 and person.who then return person.who.tier end
  return nil
end

local function clock_count(list, start)
  for n = 2, #list, 3 do
    if list[n] == start then return list[n + 2], n end
  end
  return 0, nil
end

-- Times t with |t - at| < period, and where the first of them stands.
local function rolling_count(list, at, period)
  local count, first = 0, 0
  for n = 2, #list do
    local apart = list[n] - at
    if apart < period and apart > -period then
      count = count + 1
      if first == 0 then first = n end
    end
  end
  return count, first
end

local function over_cap(person, rows, tier, at)
  local caps = (person.caps or person.template) and caps_of(person) or NOTHING
  for r = 1, #rows do
    local row = rows[r]
    local limit = row[3]
    if tier and row[4][tier] then limit = row[4][tier] end
    local list = caps[row[1]]
    local seen, first = 0, 0
    if list then
      if row[2] == 0 then
        seen = clock_count(list, row[5])
      else
        seen, first = rolling_count(list, at, row[7])
      end
    end
    if seen >= limit then
      local wait = row[6] - at
      if row[2] == 1 then
        wait = row[7]
        if limit > 0 then wait = list[first + seen - limit] + row[7] - at end
      end
      return {2, r, wait, seen, limit}
    end
  end
  return nil
end

local function counts_seen(person, rows, at)
  local counts = {}
  for r = 1, #rows do
    local row = rows[r]
    local list = caps_of(person)[row[1]]
    counts[r] = 0
    if list and row[2] == 0 then counts[r] = clock_count(list, row[5]) end
    if list and row[2] == 1 then counts[r] = rolling_count(list, at, row[7]) end
  end
  return counts
end

local function pruned_clock(list, now)
  for n = 2, #list, 3 do
    if list[n + 1] + SLACK_MS <= now then
      local kept = {0}
      for m = 2, #list, 3 do
        if list[m + 1] + SLACK_MS > now then
          local k = #kept
          kept[k + 1], kept[k + 2], kept[k + 3] = list[m], list[m + 1], list[m + 2]
        end
      end
      return kept
    end
  end
  return list
end

local function pruned_rolling(list, now)
  local before = now - list[1] - SLACK_MS
  if list[2] > before then return list end
  local kept = {list[1]}
  for n = 2, #list do
    if list[n] > before then kept[#kept + 1] = list[n] end
  end
  return kept
end

local function template_of(profile, now)
  local template = profile.template
  if template == nil then
    local rows, caps, last = profile[3], {}, now
    for r = 1, #rows do
      local row = rows[r]
      if row[2] ~= 0 then
        profile.template = false
        return false
      end
      caps[row[1]] = {0, row[5], row[6], 1}
      if row[6] > last then last = row[6] end
    end
    template = {pack_message(caps), string.format('%.0f', last - now + EXPIRE_SLACK_MS)}
    profile.template = template
  end
  return template
end

local function count_caps(person, profile, at, now)
  local rows = profile[3]
  person.changed = true
  if not person.caps and not person.template then
    person.template = template_of(profile, now)
    if person.template then return end
  end
  local caps = caps_of(person)
  for r = 1, #rows do
    local row = rows[r]
    local list = caps[row[1]]
    if row[2] == 0 then
      if not list or list[1] ~= 0 then
        caps[row[1]] = {0, row[5], row[6], 1}
      else
        local count, n = clock_count(list, row[5])
        if n then
          list[n + 2] = count + 1
        else
          local k = #list
          list[k + 1], list[k + 2], list[k + 3] = row[5], row[6], 1
        end
      end
    elseif not list or list[1] == 0 then
      caps[row[1]] = {row[7], at}
    else
      list[1] = row[7]
      local n = #list
      while n > 1 and list[n] > at do
        list[n + 1] = list[n]
        n = n - 1
      end
      list[n + 1] = at
    end
  end
end

-- Prune, find the end of the latest entry, and write; a key lives an hour longer than any rule needs it.
local function save_people(people, order, now)
  for n = 1, #order do
    local person = people[order[n]]
    if person.template then
      call('SET', KEY_CAP .. order[n], person.template[1], 'PX', person.template[2])
    elseif person.changed then
      local last = now
      for name, list in pairs(person.caps) do
        if list[1] == 0 then
          list = pruned_clock(list, now)
          for m = 3, #list, 3 do
            if list[m] > last then last = list[m] end
          end
        else
          list = pruned_rolling(list, now)
          local finish_ms = list[#list] + list[1]
          if finish_ms > last then last = finish_ms end
        end
        person.caps[name] = list[2] and list or nil
      end
      call('SET', KEY_CAP .. order[n], pack_message(person.caps), 'PX',
        string.format('%.0f', last - now + EXPIRE_SLACK_MS))
    end
  end
end
