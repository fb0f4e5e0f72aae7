-- Shared begin of every script that must run once: ARGV[1] slot, ARGV[2] call number, ARGV[3] deadline.
-- A slot has one call out at a time and numbers them, so its last reply is all that has to be kept; for a day, because
-- a caller that lost its connection may come back as late as that.
-- After it: `call` is redis.call, `payload` is ARGV[4], `finish(reply)` must be what the script returns.
local call = redis.call
local unpack_message = cmsgpack.unpack
local pack_message = cmsgpack.pack
local done_key = KEY_DONE .. ARGV[1]
if ARGV[1] ~= '' then
  local before = call('GET', done_key)
  if before then
    local colon = string.find(before, ':', 1, true)
    local last = tonumber(string.sub(before, 1, colon - 1))
    if last == tonumber(ARGV[2]) then
      -- Written anew, since WAIT on a connection counts from that connection's own last write (Redis 7): who asks again
      -- must wait for replicas as who asked first.
      call('PEXPIRE', done_key, '86400000')
      return string.sub(before, colon + 1)
    elseif last > tonumber(ARGV[2]) then
      return redis.error_reply('STALE call ' .. ARGV[2] .. ' after ' .. string.sub(before, 1, colon - 1))
    end
  end
end
if ARGV[3] ~= '0' then
  local now = call('TIME')
  if now[1] * 1000 + now[2] / 1000 > tonumber(ARGV[3]) then
    return redis.error_reply('LATE the caller no longer waits')
  end
end
local function finish(reply)
  if ARGV[1] ~= '' then
    call('SET', done_key, ARGV[2] .. ':' .. reply, 'PX', '86400000')
  end
  return reply
end
