-- What query_sm answers, {pNN}:st:<message id>: ids that differ in their last digit share a hash, because they are written
-- together. Its key ends where they differ; what follows there is the field. flush_states must follow: with a TTL (ms) the
-- hash lives so long from then on; with '0' admission has written a state for every message, later ones only replace those
-- that are there, and the hash ends when it would have.
local STATE_HEAD = 19
local MOST_STATES = 1000
local states_by_head, state_rows = {}, {}

local function write_state(message_id, value)
  local head = string.sub(message_id, 1, STATE_HEAD)
  local row = states_by_head[head]
  if not row or #row >= MOST_STATES then
    row = {}
    states_by_head[head] = row
    state_rows[#state_rows + 1] = {KEY_ST .. head, row}
  end
  local n = #row
  row[n + 1], row[n + 2] = string.sub(message_id, STATE_HEAD + 1), value
end

local function known_states(key, row)
  local fields, known = {}, {}
  for n = 1, #row, 2 do fields[#fields + 1] = row[n] end
  local found = call('HMGET', key, unpack(fields))
  for f = 1, #found do
    if found[f] then
      local n = #known
      known[n + 1], known[n + 2] = row[2 * f - 1], row[2 * f]
    end
  end
  return known
end

local function flush_states(ttl)
  for n = 1, #state_rows do
    local key, row = state_rows[n][1], state_rows[n][2]
    if ttl == '0' then row = known_states(key, row) end
    if row[1] then call('HSET', key, unpack(row)) end
    if ttl ~= '0' then call('PEXPIRE', key, ttl) end
  end
end
