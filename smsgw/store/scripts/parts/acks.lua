-- Acknowledge and delete entries of streams, many in one command.
-- An entry is in its stream until it is settled, and both happen here in one script; so XDEL tells which
-- entries were still to be settled when XACK counts fewer than were named.
local group = 'edge'

-- Calls settled(position) for each entry that was still there; positions belong to ids.
local function acknowledge(stream, ids, positions, settled)
  local acked = call('XACK', stream, group, unpack(ids))
  if acked == #ids then
    call('XDEL', stream, unpack(ids))
    if settled then
      for n = 1, #ids do settled(positions[n]) end
    end
    return
  end
  for n = 1, #ids do
    if call('XDEL', stream, ids[n]) == 1 and settled then settled(positions[n]) end
  end
end

-- One entry; true when it was still there.
local function acknowledge_one(stream, id)
  local acked = call('XACK', stream, group, id)
  return call('XDEL', stream, id) == 1 and acked == 1
end
