-- look: has a recipient opted out since its message was accepted?
--
-- KEYS[1]  partition tag, {pNN}; keys used: {pNN}:who:<hash> {pNN}:done:<slot>
-- ARGV[1]  slot, ARGV[2] call number, ARGV[3] deadline (ms, Redis' clock, 0 none)
-- ARGV[4]  msgpack items: [recipient hash, fact, fact, ...]
-- Returns  '' when nobody has, else msgpack [per item: '' or the fact found]
--
-- A script, though it only reads, so that a batch costs one call and facts are read as admission reads them.
-- include: replay
-- A first write that needs no memory: what was accepted must be sent, also by a full Redis.
call('DEL', KEY_DONE .. 'none')
local items = unpack_message(ARGV[4])
local keys = {}
for i = 1, #items do keys[i] = KEY_WHO .. items[i][1] end
local found = call('MGET', unpack(keys))
local replies, eventful = {}, false
for i = 1, #items do
  replies[i] = ''
  if found[i] then
    local who = unpack_message(found[i])
    for f = 2, #items[i] do
      if who[items[i][f]] then
        replies[i], eventful = items[i][f], true
        break
      end
    end
  end
end
if eventful then return finish(pack_message(replies)) end
return finish('')
