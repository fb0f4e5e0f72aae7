-- unpark: let messages of a lot go, in the order in which they were accepted, at a limited rate.
--
-- KEYS[1]  partition tag, {pNN}; keys used: {pNN}:parked:<lot> {pNN}:lotof {pNN}:lots {pNN}:pace:<lot> {pNN}:held
--          {pNN}:done:<slot>
-- ARGV[1]  slot, ARGV[2] call number, ARGV[3] deadline (ms, Redis' clock, 0 none)
-- ARGV[4]  msgpack [lot, now (business ms), messages a second, most at once]
-- Returns  msgpack: how many were let go
--
-- A message that was let go is due at once: at the time of its acceptance, which keeps the order.
-- The pace is a hash: messages that may go, and since when (ms, Redis' clock); it begins with one message, and saves up
-- a second's at most.
-- Atomic because several processes let go of one lot, and together must keep the pace.
-- include: replay
-- include: lots
local input = unpack_message(ARGV[4])
local lot, now, per_s, most = input[1], input[2], input[3], input[4]
-- A first write that needs no memory: what was accepted must be sent, also by a full Redis.
call('DEL', KEY_DONE .. 'none')
local pace_key = KEY_PACE .. lot
local clock = call('TIME')
local now_ms = clock[1] * 1000 + math.floor(clock[2] / 1000)
local pace = call('HMGET', pace_key, 'may', 'since')
local may = 1
if pace[1] then
  may = math.min(tonumber(pace[1]) + (now_ms - tonumber(pace[2])) * per_s / 1000, math.max(per_s, 1))
end
local count = math.max(0, math.min(math.floor(may), most))
local gone = 0
if count > 0 then
  local ids = call('ZRANGE', KEY_PARKED .. lot, '0', string.format('%.0f', count - 1), 'WITHSCORES')
  for n = 1, #ids, 2 do
    unpark(ids[n])
    call('ZADD', KEY_HELD, 'XX', string.format('%.0f', math.min(tonumber(ids[n + 1]), now)), ids[n])
    gone = gone + 1
  end
end
call('HSET', pace_key, 'may', string.format('%.6f', may - gone), 'since', string.format('%.0f', now_ms))
call('PEXPIRE', pace_key, '5000')
return finish(pack_message(gone))
