-- Recipients to whom something was delivered, gathered over a batch: of the few of whom something is known, failures that
-- were counted or learnt are forgotten. Where the recipient lies in another partition than the receipt map, the map does
-- not name it and whoever gets the receipt tells scripts/facts. Needs parts/known; flush_alive must follow.
local alive, alive_keys = {}, {}

local function delivered_to(rhash)
  if not rhash or rhash == '' or alive[rhash] then return end
  alive[rhash] = true
  local n = #alive_keys + 1
  alive[n], alive_keys[n] = rhash, KEY_WHO .. rhash
end

local function flush_alive(limits)
  if not alive_keys[1] then return end
  local found = call('MGET', unpack(alive_keys))
  for n = 1, #alive_keys do
    if found[n] then
      local who = unpack_message(found[n])
      local forgotten = forget_failures(who, limits.now)
      if forgotten ~= NOTHING then save(alive_keys[n], who, limits.now) end
      if forgotten == LEARNT then
        call('XADD', KEY_EVENTS, 'MAXLEN', '~', limits.events, '*', 'op', 'undead', 'who', alive[n], 'scope', '',
          'source', '', 'at', string.format('%.0f', limits.now))
      end
    end
  end
end
