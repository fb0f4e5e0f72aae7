-- links: remember where short links lead, for longer when they are known, and forget those whose time is over.
--
-- KEYS[1]  partition tag, {pNN}; keys used: {pNN}:links {pNN}:done:<slot>
-- ARGV[1]  slot, ARGV[2] call number, ARGV[3] deadline (ms, Redis' clock, 0 none)
-- ARGV[4]  msgpack [now (real, Unix ms), items]; item: [token, mark (16 octets), until (Unix ms), sealed link];
--          an empty mark forgets the token if its time is over
-- Returns  msgpack [per item: 1 done, 0 another link has this token and its time is not over, or nothing to forget]
--
-- A value is mark (16 octets), until (ms, 16 decimal digits), sealed link.
-- Atomic because two processes must never give one token to two links, and a link that is used again must not be
-- forgotten at that moment.
-- include: replay
local input = unpack_message(ARGV[4])
local now, items = tonumber(input[1]), input[2]
local replies = {}
for i = 1, #items do
  local token, mark, before = items[i][1], items[i][2], call('HGET', KEY_LINKS, items[i][1])
  local ends = before and tonumber(string.sub(before, 17, 32)) or 0
  if mark == '' then
    replies[i] = before and ends <= now and call('HDEL', KEY_LINKS, token) or 0
  elseif before and ends > now and string.sub(before, 1, 16) ~= mark then
    replies[i] = 0
  else
    local last = string.format('%016.0f', math.max(ends, tonumber(items[i][3])))
    call('HSET', KEY_LINKS, token, mark .. last .. items[i][4])
    replies[i] = 1
  end
end
return finish(pack_message(replies))
