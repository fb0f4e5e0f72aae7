-- look: may a message still be sent to its recipient, by what is known of that recipient now?
--
-- KEYS[1]  partition tag, {pNN}; keys used: {pNN}:who:<hash> {pNN}:done:<slot>
-- ARGV[1]  slot, ARGV[2] call number, ARGV[3] deadline (ms, Redis' clock, 0 none)
-- ARGV[4]  msgpack [profiles, items]; profile: the names of facts (see parts/facts)
--          item: [profile (from 1), recipient hash, at (business ms)]
-- Returns  '' when all may, else msgpack [per item: 0, [1, fact] forbidden, [6] no consent]
--
-- A script, though it only reads, so that a batch costs one call and facts are read as admission reads them.
-- include: replay
-- include: facts
-- A first write that needs no memory: what was accepted must be sent, also by a full Redis.
call('DEL', KEY_DONE .. 'none')
local input = unpack_message(ARGV[4])
local profiles, items = input[1], input[2]
local keys = {}
for i = 1, #items do keys[i] = KEY_WHO .. items[i][2] end
local found = call('MGET', unpack(keys))
local replies, eventful = {}, false
for i = 1, #items do
  local item = items[i]
  local refused = forbidden(found[i] and unpack_message(found[i]), profiles[item[1]], item[3])
  replies[i] = refused or 0
  eventful = eventful or refused ~= nil
end
if eventful then return finish(pack_message(replies)) end
return finish('')
