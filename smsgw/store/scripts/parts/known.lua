-- How what is known of a recipient is written, see parts/facts. Needs parts/replay in front.
local KEPT_MS = 86400000
local NOTHING, CHANGED, LEARNT = 0, 1, 3
local LEARNT_BY = 'receipt'

-- Drops what ended long ago. Gives when the last entry ends, nil when one never does.
local function last_end(who, at)
  local last = 0
  for name, entry in pairs(who) do
    local kind, ends = string.sub(name, 1, 1), nil
    if type(entry) == 'table' then
      if kind == 'b' or kind == 'd' then ends = entry[4] end
      if kind == 'f' then ends = entry[1] end
    end
    if ends and ends ~= 0 and ends + KEPT_MS <= at then
      who[name] = nil
    elseif not ends or ends == 0 then
      last = nil
    elseif last then
      last = math.max(last, ends)
    end
  end
  return last
end

local function save(key, who, at)
  local last = last_end(who, at)
  if not next(who) then
    call('DEL', key)
  elseif last then
    call('SET', key, pack_message(who), 'PX', string.format('%.0f', math.max(last - at, 0) + KEPT_MS))
  else
    call('SET', key, pack_message(who))
  end
end

-- Something was delivered there: what was counted against the number, or learnt before, counts no more.
local function forget_failures(who, at)
  local dead, counted = who.d, who.f
  who.f = nil
  if dead and dead[3] == LEARNT_BY and dead[2] < at then
    who.d = nil
    return LEARNT
  end
  return counted and CHANGED or NOTHING
end
