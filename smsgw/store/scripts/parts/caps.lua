-- Counters of recipients, {pNN}:c:<hash>, and their facts, {pNN}:who:<hash>, read together.
-- Counters of one recipient are one flat msgpack list of triples, small because there are as many as recipients:
-- cap key, end (s), count of a clock cap's bucket; or key, -period (ms), [times counted, ascending] of a rolling cap,
-- where the key of a same-content cap is the content's hash. The end names a bucket: no two of one cap end together.
-- SLACK_MS keeps what has just ended: nodes' clocks differ a little.
-- The first message to a recipient leaves counters that differ from recipient to recipient in the content's hash at
-- most: they are packed once a profile and time (`first_counters`), and spelt out only if the batch has a second
-- message to that recipient.
local SLACK_MS = 60000
local EXPIRE_SLACK_MS = 3600000
local NOTHING = {}
local CLOCK, CONTENT = 0, 2
local CONTENT_HEAD = '\168'  -- a text of 8 octets in msgpack
local MOST_SHORT = 5         -- triples of a list that has its length in one octet

local function load_people(profiles, items)
  local people, order, keys = {}, {}, {}
  local k = 0
  for i = 1, #items do
    local rhash = items[i][2]
    if not people[rhash] then
      local profile = profiles[items[i][1]]
      if profile[2][1] or profile[3][1] then
        local person = {key = KEY_CAP .. rhash}
        people[rhash] = person
        order[#order + 1] = person
        keys[k + 1] = KEY_WHO .. rhash
        keys[k + 2] = person.key
        k = k + 2
      end
    end
  end
  if k == 0 then return people, order end
  local found = call('MGET', unpack(keys))
  for n = 1, #order do
    local person = order[n]
    local facts, caps = found[2 * n - 1], found[2 * n]
    if facts then person.who = unpack_message(facts) end
    if caps then person.caps = unpack_message(caps) end
  end
  return people, order
end

local function caps_of(person)
  local caps = person.caps
  if not caps then
    caps = person.first and unpack_message(person.first) or {}
    person.caps, person.first = caps, nil
  end
  return caps
end

local function tier_of(given, profile, person)
  if given and given ~= '' then return given end
  if profile[6] == 1 and person.who then return person.who.tier end
  return nil
end

-- Where a row's triple stands in the list, nil if it is not there.
local function place_of(caps, row, content)
  if row[2] == CLOCK then
    local key, ends = row[1], row[6] / 1000
    for n = 1, #caps, 3 do
      if caps[n] == key and caps[n + 1] == ends then return n end
    end
  else
    local key = row[2] == CONTENT and content or row[1]
    for n = 1, #caps, 3 do
      if caps[n] == key and caps[n + 1] < 0 then return n end
    end
  end
  return nil
end

-- Times t with |t - at| < period, and where the first of them stands.
local function rolling_count(times, at, period)
  local count, first = 0, 0
  for n = 1, #times do
    local apart = times[n] - at
    if apart < period and apart > -period then
      count = count + 1
      if first == 0 then first = n end
    end
  end
  return count, first
end

-- The row remembers the place until the message is counted, which comes next if it comes at all.
local function count_seen(caps, row, at, content)
  local place = place_of(caps, row, content)
  row.place = place
  if not place then return 0 end
  if row[2] == CLOCK then return caps[place + 2] end
  local seen, first = rolling_count(caps[place + 2], at, row[7])
  return seen, first, caps[place + 2]
end

local function over_cap(person, rows, tier, at, content)
  local caps = (person.caps or person.first) and caps_of(person) or NOTHING
  for r = 1, #rows do
    local row = rows[r]
    local limit = tier and row[4][tier] or row[3]
    local seen, first, times = 0, nil, nil
    if caps[1] then
      seen, first, times = count_seen(caps, row, at, content)
    else
      row.place = nil
    end
    if seen >= limit and (row[2] ~= CONTENT or content) then
      local wait = row[6] - at
      if row[2] ~= CLOCK then
        wait = row[7]
        if limit > 0 then wait = times[first + seen - limit] + row[7] - at end
      end
      return {2, r, wait, seen, limit}
    end
  end
  return nil
end

local function counts_seen(person, rows, at, content)
  local caps, counts = caps_of(person), {}
  for r = 1, #rows do counts[r] = count_seen(caps, rows[r], at, content) end
  return counts
end

-- What the first message of a profile at a time leaves: octets before and behind the content's hash.
local function first_counters(profile, at, now)
  local clocks, rolling, same, last, longest = {}, {}, nil, now, 0
  local rows = profile[3]
  for r = 1, #rows do
    local row = rows[r]
    if row[2] == CLOCK then
      clocks[#clocks + 1] = pack_message(row[1]) .. pack_message(row[6] / 1000) .. '\1'
      if row[6] > last then last = row[6] end
    else
      local times = pack_message(-row[7]) .. '\145' .. pack_message(at)
      if row[2] == CONTENT then
        same = times
      else
        rolling[#rolling + 1] = pack_message(row[1]) .. times
      end
      if at + row[7] > last then last = at + row[7] end
    end
  end
  local first = {at = at, same = same, short = #rows <= MOST_SHORT}
  first.head = string.char(144 + 3 * #rows) .. table.concat(clocks) .. table.concat(rolling)
  if same then first.head = first.head .. CONTENT_HEAD end
  first.live_ms = string.format('%.0f', last - now + EXPIRE_SLACK_MS)
  profile.first = first
  return first
end

local function count_rolling(caps, place, key, period, at)
  if not place then
    local n = #caps
    caps[n + 1], caps[n + 2], caps[n + 3] = key, -period, {at}
    return
  end
  caps[place + 1] = -period
  local times = caps[place + 2]
  local n = #times
  while n > 0 and times[n] > at do
    times[n + 1] = times[n]
    n = n - 1
  end
  times[n + 1] = at
end

local function count_caps(person, profile, at, now, content)
  person.changed = true
  if not person.caps and not person.first then
    local first = profile.first
    if not first or first.at ~= at then first = first_counters(profile, at, now) end
    if first.short and (content or not first.same) then
      person.first = content and first.same and first.head .. content .. first.same or first.head
      person.live_ms = first.live_ms
      return
    end
  end
  local caps, rows = caps_of(person), profile[3]
  for r = 1, #rows do
    local row = rows[r]
    local place = row.place
    if row[2] == CLOCK then
      if place then
        caps[place + 2] = caps[place + 2] + 1
      else
        local n = #caps
        caps[n + 1], caps[n + 2], caps[n + 3] = row[1], row[6] / 1000, 1
      end
    elseif row[2] ~= CONTENT or content then
      count_rolling(caps, place, row[2] == CONTENT and content or row[1], row[7], at)
    end
  end
end

local function without_ended(times, before)
  local first = 1
  while times[first] and times[first] <= before do first = first + 1 end
  return first > 1 and {unpack(times, first)} or times
end

-- What counts no more goes. Gives the list and when the last of it ends.
local function pruned(caps, now)
  local last, ended = now, false
  for n = 1, #caps, 3 do
    local ends = caps[n + 1] * 1000
    if ends < 0 then
      local period = -caps[n + 1]
      local times = without_ended(caps[n + 2], now - period - SLACK_MS)
      caps[n + 2] = times
      ends = times[1] and times[#times] + period or 0
    end
    if ends > last then last = ends end
    if ends + SLACK_MS <= now then
      caps[n + 2], ended = false, true
    end
  end
  if not ended then return caps, last end
  local kept, k = {}, 0
  for n = 1, #caps, 3 do
    if caps[n + 2] then
      kept[k + 1], kept[k + 2], kept[k + 3] = caps[n], caps[n + 1], caps[n + 2]
      k = k + 3
    end
  end
  return kept, last
end

-- A key lives an hour longer than any rule needs it.
local function save_people(order, now)
  for n = 1, #order do
    local person = order[n]
    if person.first then
      call('SET', person.key, person.first, 'PX', person.live_ms)
    elseif person.changed then
      local caps, last = pruned(person.caps, now)
      call('SET', person.key, pack_message(caps), 'PX', string.format('%.0f', last - now + EXPIRE_SLACK_MS))
    end
  end
end
