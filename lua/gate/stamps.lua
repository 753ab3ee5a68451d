-- stamps: which slips were seen, so that each counts once and for ever: of each source partition the greatest (offset, index).
-- State of the partition like its stock: `seen` and `unsaid` (raised since the last decision) in gate:{p}, flat and ascending by
-- source: partition, offset, index ... Writes nothing. Leaves raise_stamp, tell_stamps, packed_stamps and two marks of what changed.
local stamps_raised, stamps_unsaid = false, false
local raise_stamp, tell_stamps, packed_stamps
do
  -- stamps by source, and the sources
  local function taken_apart(flat)
    local stamps, sources = {}, {}
    for i = 1, #flat, 3 do
      stamps[flat[i]] = {flat[i + 1], flat[i + 2]}
      sources[#sources + 1] = flat[i]
    end
    return stamps, sources
  end

  local function flat_of(stamps, sources)
    local flat = {}
    sort(sources)
    for i = 1, #sources do
      local n, stamp = 3 * i, stamps[sources[i]]
      flat[n - 2], flat[n - 1], flat[n] = sources[i], stamp[1], stamp[2]
    end
    return flat
  end

  local function put(stamps, sources, source, stamp)
    if not stamps[source] then sources[#sources + 1] = source end
    stamps[source] = stamp
  end

  local seen, seen_from = taken_apart(head[8] and decode(head[8]) or {})
  local unsaid, unsaid_from = taken_apart(head[9] and decode(head[9]) or {})
  stamps_unsaid = #unsaid_from > 0

  -- false for a second copy of row r, which must change nothing
  raise_stamp = function(r)
    local source, offset, index = from_partitions[r], from_offsets[r], from_indexes[r]
    local last = seen[source]
    if last and (last[1] > offset or (last[1] == offset and last[2] >= index)) then return false end
    local stamp = {offset, index}
    put(seen, seen_from, source, stamp)
    put(unsaid, unsaid_from, source, stamp)
    stamps_raised, stamps_unsaid = true, true
    return true
  end

  -- the next decision tells them, so that whoever has the decisions knows them too; true where that is the stamp of row r alone
  tell_stamps = function(r, tell)
    local is_own = unsaid_from[1] == from_partitions[r] and not unsaid_from[2]
    if not is_own then tell(r, SEEN, flat_of(unsaid, unsaid_from)) end
    unsaid, unsaid_from, stamps_raised, stamps_unsaid = {}, {}, true, false
    return is_own
  end

  packed_stamps = function() return pack(flat_of(seen, seen_from)), pack(flat_of(unsaid, unsaid_from)) end
end
