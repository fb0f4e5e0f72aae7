-- Parked messages wait for a person (lot 'review') or for the end of a pause ('pause:<scope>'). Each lies in the held
-- set as well, due when it expires. {pNN}:parked:<lot>: ids by acceptance (business ms); {pNN}:lotof: id → lot;
-- {pNN}:lots: the lots that have messages.
local function park(id, lot, accepted_ms)
  call('ZADD', KEY_PARKED .. lot, string.format('%.0f', accepted_ms), id)
  call('HSET', KEY_LOTOF, id, lot)
  call('SADD', KEY_LOTS, lot)
end

-- Take a message out of its lot, if it is in one; gives when it was accepted, as text.
local function unpark(id)
  local lot = call('HGET', KEY_LOTOF, id)
  if not lot then return nil end
  local accepted = call('ZSCORE', KEY_PARKED .. lot, id)
  call('HDEL', KEY_LOTOF, id)
  call('ZREM', KEY_PARKED .. lot, id)
  if call('EXISTS', KEY_PARKED .. lot) == 0 then call('SREM', KEY_LOTS, lot) end
  return accepted
end
