-- check: every row is as the words of the project have it, or the whole batch is refused.
-- Writes nothing. Leaves record_offset, record_hash, record_ms, of the last record, empty where there is none.
-- The agent has checked all this before; here it keeps a fault of the agent from becoming stock.
do
  local LEAST = {[OP_RESERVE] = 1, [OP_RECEIVE] = 1, [OP_RETURN] = 1, [OP_SHIP] = 1, [OP_ADJUST] = -MAX_QUANTITY, [OP_COUNT] = 0,
                 [OP_TRANSFER] = 1, [OP_ARRIVE] = 0, [OP_ORDER] = 1, [OP_ARRIVAL] = 1, [OP_UNDO_TRANSFER] = 1}
  local MOST = {[OP_RESERVE] = MAX_FOLDED, [OP_ORDER] = MAX_FOLDED}

  -- x % 1 raises on what is no number, a comparison on two that are not of one type, and NaN equals nothing: so no type() here,
  -- which costs as much as ten comparisons
  local function check_row(r, before)
    local op, offset, at_ms = ops[r], offsets[r], times[r]
    if not (op % 1 == 0 and op >= OP_INVALID and op <= OP_SWEEP) then return 'op' end
    if not (offset % 1 == 0 and offset > before and offset <= last) then return 'offset' end
    if not (at_ms % 1 == 0 and at_ms >= 0 and at_ms <= MAX_MS) then return 'at_ms' end
    if op == OP_SWEEP or op == OP_INVALID then return nil end
    local from, opened = from_partitions[r], opened_at[r]
    if from then
      if not (exact(from, MAX_EXACT) and exact(from_offsets[r], MAX_EXACT) and exact(from_indexes[r], MAX_EXACT)) then return 'from' end
    elseif from_offsets[r] ~= nil or op >= OP_ARRIVAL and op <= OP_SETTLE or op == OP_UNPLACED then return 'from' end
    if opened and not exact(opened, MAX_MS) or not opened and op >= OP_ARRIVAL and op <= OP_SETTLE then return 'opened' end
    if op == OP_PASS or op == OP_UNPLACED then return nil end
    if op >= OP_TRANSFER then
      local wrong = check_slip(op, r, slips[r])
      if wrong then return wrong end
    end
    if not (ids[r] > '') then return 'id' end
    if op ~= OP_SETTLE and (not opened or op == OP_ORDER) and not (positions[r] > '') then return 'position' end
    local body, q, least = bodies[r], quantities[r], LEAST[op]
    if not (body % 1 == 0 and body >= 0 and body <= MAX_EXACT) then return 'body' end
    if least then
      if not (q % 1 == 0 and q >= least and q <= (MOST[op] or MAX_QUANTITY) and (q ~= 0 or least == 0)) then return 'quantity' end
    elseif q ~= nil then return 'quantity' end
    if op <= OP_EXTEND or op == OP_ORDER then
      local ttl_ms = ttls[r]
      if not (ttl_ms % 1 == 0 and ttl_ms > 0 and ttl_ms <= MAX_TTL_MS) then return 'ttl_ms' end
    end
    if op == OP_RESERVE or op == OP_ORDER then
      local channel, order_id = channels[r], order_ids[r]
      if channel ~= nil and not (channel >= '') or order_id ~= nil and not (order_id >= '') then return 'channel or order_id' end
    elseif (op <= OP_RELEASE or op == OP_ARRIVE or op == OP_SETTLE) and not (reservation_ids[r] > '') then
      return 'reservation_id'
    end
    return nil
  end

  local function check_rows()
    local before = prev
    for r = 1, count do
      local wrong = check_row(r, before)
      if wrong then return 'row ' .. r .. ': ' .. wrong end
      before = offsets[r]
    end
    return nil
  end

  if last < prev or (last == prev and count > 0) then corrupt('last is not beyond prev') end
  local ran, wrong = pcall(check_rows)
  if not ran or wrong then corrupt(ran and wrong or 'row: a field of another type') end
end

local record_offset, record_hash, record_ms = ARGV[6], ARGV[7], ARGV[8]
if record_offset ~= '' then
  local record = whole(record_offset, 0, last, 'record_offset')
  if record ~= offsets[count] then corrupt('rows: do not end with the record') end  -- #ops ends at a hole
  whole(record_ms, 0, MAX_MS, 'record_ms')
end
