-- register: write documents of a register, tell every process, and put an entry into the audit log, all or nothing.
--
-- KEYS[1]  partition tag, {pNN}; keys used: {pNN}:reg:<kind> {pNN}:regbulk {pNN}:regfeed {pNN}:audit {pNN}:audithead
--          {pNN}:done:<slot>
-- ARGV[1]  slot, ARGV[2] call number, ARGV[3] deadline (ms, Redis' clock, 0 none)
-- ARGV[4]  msgpack [kind, rows, phase, told, event limit, entry]; row: [id, expected revision (-1 any, 0 none yet), body
--          ('' deletes)]; phase 0 a write by itself, of a bulk 1 its beginning, 2 its middle, 3 its end; told: packed ids
--          for the event, '' all of the kind; entry: [seq, expected head, hash, packed entry], {} for none
-- Returns  msgpack [0, revision per row (0: it is gone)] · [1, seq, hash] the head of the log has moved, and is this ·
--          [2, row, revision] a row's document has another revision; nothing was written in the last two cases
--
-- A document lies as '<revision>:<body>'. While a bulk has begun and not ended its kind is in regbulk, and any event
-- says that all of the kind changed; so a bulk that died leaves nobody with half of what is registered for long.
-- Atomic because two people may change one document, and no change may be without its entry or its event.
-- include: replay
local input = unpack_message(ARGV[4])
local kind, rows, phase, told, event_limit, entry = input[1], input[2], input[3], input[4], input[5], input[6]
local key = KEY_REG .. kind
-- A first write that needs no memory: a pause must be possible also by a full Redis.
call('DEL', KEY_DONE .. 'none')

-- Somebody has set the head back or cut the log. Changes go on behind the last number there was, and verifying says so.
local function go_behind_last(refused)
  local info = call('XINFO', 'STREAM', KEY_AUDIT)
  for i = 1, #info, 2 do
    if info[i] == 'last-generated-id' then
      local last = tonumber(string.match(info[i + 1], '^%d+'))
      if last >= entry[1] then
        call('HSET', KEY_AUDITHEAD, 'seq', string.format('%.0f', last))
        return finish(pack_message({1, last, call('HGET', KEY_AUDITHEAD, 'hash') or ''}))
      end
    end
  end
  return refused
end

if entry[1] then
  local head = call('HMGET', KEY_AUDITHEAD, 'seq', 'hash')
  local seq, hash = tonumber(head[1] or '0'), head[2] or ''
  if seq + 1 ~= entry[1] or hash ~= entry[2] then
    return finish(pack_message({1, seq, hash}))
  end
end

local revisions = {0}
for i = 1, #rows do
  local row = rows[i]
  local stored = call('HGET', key, row[1])
  local revision = stored and tonumber(string.match(stored, '^%d+')) or 0
  if row[2] >= 0 and row[2] ~= revision then
    return finish(pack_message({2, i - 1, revision}))
  end
  revisions[i + 1] = row[3] ~= '' and revision + 1 or 0
end

local hash = ''
if entry[1] then
  hash = entry[3]
  local added = redis.pcall('XADD', KEY_AUDIT, string.format('%.0f-0', entry[1]), 'e', entry[4], 'h', hash)
  if type(added) == 'table' and added.err then
    return go_behind_last(added)
  end
  call('HSET', KEY_AUDITHEAD, 'seq', string.format('%.0f', entry[1]), 'hash', hash)
end

for i = 1, #rows do
  local row = rows[i]
  if row[3] ~= '' then
    call('HSET', key, row[1], string.format('%.0f:', revisions[i + 1]) .. row[3])
  else
    call('HDEL', key, row[1])
  end
end

if phase == 1 then
  call('HSET', KEY_REGBULK, kind, '1')
end
if #rows > 0 and phase == 0 or phase == 3 then
  if call('HEXISTS', KEY_REGBULK, kind) == 1 then
    told = ''
  end
  call('XADD', KEY_REGFEED, 'MAXLEN', '~', string.format('%.0f', event_limit), '*', 'kind', kind, 'ids', told, 'h', hash)
end
if phase == 3 then
  call('HDEL', KEY_REGBULK, kind)
end
return finish(pack_message(revisions))
