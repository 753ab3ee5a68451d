-- stamps: which slips were seen, so that each counts once and for ever: of each source partition the greatest (offset, index).
-- State of the partition like its stock: `seen` and `unsaid` (raised since the last decision) in gate:{p}, flat and ascending by
-- source: partition, offset, index ... Writes nothing.
local stamps_raised = false
local seen, unsaid = head[8] and decode(head[8]) or {}, head[9] and decode(head[9]) or {}

local raise_stamp
do
  -- where the source stands in a flat list, or would stand
  local function place_of(list, source)
    local i = 1
    while list[i] and list[i] < source do i = i + 3 end
    return i, list[i] == source
  end

  local function put_stamp(list, source, offset, index)
    local i, there = place_of(list, source)
    if not there then
      for x = #list, i, -1 do list[x + 3] = list[x] end
    end
    list[i], list[i + 1], list[i + 2] = source, offset, index
  end

  -- false for a second copy of row r, which must change nothing
  raise_stamp = function(r)
    local source, offset, index = from_partitions[r], from_offsets[r], from_indexes[r]
    local i, there = place_of(seen, source)
    if there and (seen[i + 1] > offset or (seen[i + 1] == offset and seen[i + 2] >= index)) then return false end
    put_stamp(seen, source, offset, index)
    put_stamp(unsaid, source, offset, index)
    stamps_raised = true
    return true
  end
end

-- the next decision tells them, so that whoever has the decisions knows them too; true: the record's own alone
local function tell_seen(r, tell)
  tell(r, SEEN, #unsaid == 3 and unsaid[1] == from_partitions[r] or unsaid)
  unsaid = {}
  stamps_raised = true
end
