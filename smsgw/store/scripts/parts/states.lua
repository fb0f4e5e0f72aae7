-- What query_sm answers, {pNN}:st:<message id>. With a TTL (ms) final states alone are kept; with '0' admission has
-- written one for every message, and later ones must not bring an expired one back.
local function write_state(message_id, value, ttl)
  if ttl == '0' then
    call('SET', KEY_ST .. message_id, value, 'XX', 'KEEPTTL')
  else
    call('SET', KEY_ST .. message_id, value, 'PX', ttl)
  end
end
