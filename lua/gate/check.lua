-- check: every row is as the words of the project have it, or the whole batch is refused.
-- Reads the rows of ARGV; writes nothing. Leaves a table for each column, and `count`: row r is ops[r], offsets[r], ...
-- The agent has checked all this before; here it keeps a fault of the agent from becoming stock.
-- columns and not rows: a table for each row would cost more than what is decided about it
local decoded, columns = pcall(decode, ARGV[9])
if not decoded or type(columns) ~= 'table' or #columns ~= COLUMNS then corrupt('rows: no msgpack array of columns') end
local nothing = {}
for c = 1, COLUMNS do
  if columns[c] == false then columns[c] = nothing end  -- no row has anything there
  if type(columns[c]) ~= 'table' then corrupt('rows: a column is no array') end
end
local ops, offsets, times, ids, positions, quantities, bodies, reservation_ids, ttls, channels, order_ids, slips =
  unpack(columns, 1, COLUMNS)
local count = #ops
if #offsets ~= count or #times ~= count then corrupt('rows: columns of different lengths') end

do
  local LEAST = {[OP_RESERVE] = 1, [OP_RECEIVE] = 1, [OP_RETURN] = 1, [OP_SHIP] = 1, [OP_ADJUST] = -MAX_QUANTITY,
                 [OP_COUNT] = 0, [OP_TRANSFER] = 1, [OP_ARRIVE] = 0, [OP_ARRIVAL] = 1, [OP_UNDO_TRANSFER] = 1}
  local MOST = {[OP_RESERVE] = MAX_FOLDED}

  -- x % 1 raises on what is no number, a comparison on two that are not of one type, and NaN equals nothing: so no type() here,
  -- which costs as much as ten comparisons
  local function check_row(r, before)
    local op, offset, at_ms = ops[r], offsets[r], times[r]
    if not (op % 1 == 0 and op >= OP_INVALID and op <= OP_SWEEP) then return 'op' end
    if not (offset % 1 == 0 and offset > before and offset <= last) then return 'offset' end
    if not (at_ms % 1 == 0 and at_ms >= 0 and at_ms <= MAX_MS) then return 'at_ms' end
    if op == OP_SWEEP or op == OP_INVALID then return nil end
    local slip = slips[r]
    if slip then
      local wrong = check_slip(op, slip)
      if wrong or op == OP_PASS or op == OP_UNPLACED then return wrong end
    elseif op >= OP_TRANSFER then return 'slip' end
    if not (ids[r] > '') then return 'id' end
    if op ~= OP_SETTLE and not (slip and slip.opened) and not (positions[r] > '') then return 'position' end
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
