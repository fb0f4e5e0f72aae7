-- fetch: read small keys whole, with what is left of their lives; for moving a store to another.
--
-- KEYS[1]  partition tag, {pNN}; keys used: {pNN}:done:<slot>, and those that are named
-- ARGV[1]  slot, ARGV[2] call number, ARGV[3] deadline (ms, Redis' clock, 0 none)
-- ARGV[4]  msgpack [what follows the tag in a key...]
-- Returns  msgpack [per key: 0 it is gone, [type, TTL (ms, -1 none), value] or of a hash or list its parts, flat; of any
--          other type no value]
--
-- A script, though it only reads, so that many keys cost one call and each is read together with its TTL.
-- include: replay
local input = unpack_message(ARGV[4])
local found = {}
for i = 1, #input do
  local key = KEYS[1] .. input[i]
  local kind = call('TYPE', key)['ok']
  if kind == 'none' then
    found[i] = 0
  else
    local row = {kind, call('PTTL', key)}
    if kind == 'string' then row[3] = call('GET', key) end
    if kind == 'hash' then row[3] = call('HGETALL', key) end
    if kind == 'list' then row[3] = call('LRANGE', key, '0', '-1') end
    found[i] = row
  end
end
return finish(pack_message(found))
