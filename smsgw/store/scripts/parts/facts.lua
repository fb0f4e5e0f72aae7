-- What is known of a recipient, {pNN}:who:<hash>: a msgpack map from a fact's name to its entry.
-- 'o' .. scope → [source, at] opted out · 's' .. scope → [source, at] subscribed again · 'c' .. scope → [source, at,
-- wording, imported (0/1)] consent · 'b', 'b:c:<carrier>', 'd' → [reason, at, by, ends] blacklisted, dead number ·
-- 'f', 'f:c:<carrier>' → [ends, at...] failures counted towards one · 'tier' → text.
-- ends (business ms) 0: for good; an entry that has ended is not in force.
-- A message names the facts that forbid it; behind them, with '+' in front, those of which it needs one: '+c' .. scope
-- is there while the recipient has consented or subscribed in that scope and has not opted out of it since.
local NEEDED = 43

-- Where the needed names begin; one behind the last if there are none.
local function first_needed(names)
  local first = names.needed
  if not first then
    first = #names + 1
    while first > 1 and string.byte(names[first - 1]) == NEEDED do first = first - 1 end
    names.needed = first
  end
  return first
end

-- nil, or {1, name} forbidden by that fact, or {6} no consent. who may be nil; at is business ms.
local function forbidden(who, names, at)
  local needed = first_needed(names)
  if who then
    for n = 1, needed - 1 do
      local entry = who[names[n]]
      if entry then
        local ends = entry[4]
        if not ends or ends == 0 or ends > at then return {1, names[n]} end
      end
    end
  end
  if not names[needed] then return nil end
  if who then
    for n = needed, #names do
      local scope = string.sub(names[n], 3)
      if (who['c' .. scope] or who['s' .. scope]) and not who['o' .. scope] then return nil end
    end
  end
  return {6}
end
