-- check: every row is as the words of the project have it, or the whole batch is refused.
-- Reads the rows of ARGV; writes nothing. Leaves `rows`.
-- The agent has checked all this before; here it keeps a fault of the agent from becoming stock.
local LEAST = {[OP_RESERVE] = 1, [OP_RECEIVE] = 1, [OP_RETURN] = 1, [OP_SHIP] = 1, [OP_ADJUST] = -MAX_QUANTITY}
local MOST = {[OP_RESERVE] = MAX_FOLDED, [OP_RECEIVE] = MAX_QUANTITY, [OP_RETURN] = MAX_QUANTITY,
              [OP_SHIP] = MAX_QUANTITY, [OP_ADJUST] = MAX_QUANTITY}
local TEXT = {string = true, ['nil'] = true}

-- x % 1 raises on what is no number, a comparison raises on a string of digits, and NaN equals nothing: so no type() here
local function check_row(row, before)
  local op, offset, at_ms, q = row[OP], row[OFFSET], row[AT_MS], row[QUANTITY]
  if not (op % 1 == 0 and op >= OP_INVALID and op <= OP_SWEEP) then return 'op' end
  if not (offset % 1 == 0 and offset > before and offset <= last) then return 'offset' end
  if not (at_ms % 1 == 0 and at_ms >= 0 and at_ms <= MAX_MS) then return 'at_ms' end
  if op == OP_SWEEP or op == OP_INVALID then return nil end
  if not (#row[ID] > 0) then return 'id' end
  if not (#row[POSITION] > 0) then return 'position' end
  local body, least = row[BODY], LEAST[op]
  if not (body % 1 == 0 and body >= 0 and body <= MAX_EXACT) then return 'body' end
  if least then
    if not (q % 1 == 0 and q >= least and q <= MOST[op] and q ~= 0) then return 'quantity' end
  elseif q ~= nil then return 'quantity' end
  if op <= OP_EXTEND then
    local ttl_ms = row[TTL_MS]
    if not (ttl_ms % 1 == 0 and ttl_ms > 0 and ttl_ms <= MAX_TTL_MS) then return 'ttl_ms' end
  end
  if op == OP_RESERVE then
    if not (TEXT[type(row[CHANNEL])] and TEXT[type(row[ORDER_ID])]) then return 'channel or order_id' end
  elseif op <= OP_RELEASE and not (#row[RESERVATION_ID] > 0) then return 'reservation_id' end
  return nil
end

local function check_rows(rows)
  local before = prev
  for i = 1, #rows do
    local wrong = check_row(rows[i], before)
    if wrong then return 'row ' .. i .. ': ' .. wrong end
    before = rows[i][OFFSET]
  end
  return nil
end

local decoded, rows = pcall(decode, ARGV[9])
if not decoded or type(rows) ~= 'table' then corrupt('rows: no msgpack array') end
if last < prev or (last == prev and #rows > 0) then corrupt('last is not beyond prev') end
local ran, wrong = pcall(check_rows, rows)
if not ran or wrong then corrupt(ran and wrong or 'row: a field of another type') end

local record_offset, record_hash, record_ms = ARGV[6], ARGV[7], ARGV[8]
if record_offset ~= '' then
  whole(record_offset, 0, last, 'record_offset')
  whole(record_ms, 0, MAX_MS, 'record_ms')
end
