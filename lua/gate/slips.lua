-- slips: the last column of a row, a map, for what a record of several partitions has besides the other columns.
--   from      {partition, offset, index}: the stamp, of onhand's own records alone
--   opened    the clock of the first leg; expires: the order's expiry (both ms); again: true where a repeat travels
--   lines     of this leg of an order, flat: position, units, line ...; home: false here, else its partition; legs: the others'
--   refused   the code of a later leg's refusal; short: its short lines, flat: line, position, requested, available ...
--   how       the code of an end; order: the body of the order; at: the position that the ending command named
--   to        a transfer's destination where it is here, else false; source: its source; dispatch, final: true or false
-- Writes nothing. Leaves check_slip(op, slip): the name of what is wrong, or nil.
local check_slip
do
  local function number(x, most)
    return x % 1 == 0 and x >= -MAX_EXACT and x <= most
  end

  local function triples(lines)
    local n = #lines
    if n == 0 or n % 3 ~= 0 then return false end
    for i = 1, n, 3 do
      if not (lines[i] > '' and lines[i + 1] > 0 and number(lines[i + 1], MAX_FOLDED) and number(lines[i + 2], 99)) then return false end
    end
    return true
  end

  local function check_order(slip)
    if not triples(slip.lines) then return 'lines' end
    if slip.home then return not number(slip.home, MAX_EXACT) and 'home' or nil end
    for i = 1, #slip.legs do
      if not number(slip.legs[i], MAX_EXACT) then return 'legs' end
    end
    return nil
  end

  local needs_opened = {[OP_ARRIVAL] = true, [OP_UNDO_ORDER] = true, [OP_UNDO_TRANSFER] = true, [OP_SETTLE] = true}

  check_slip = function(op, slip)
    local from = slip.from
    if from and not (#from == 3 and number(from[1], MAX_EXACT) and number(from[2], MAX_EXACT) and number(from[3], MAX_EXACT)) then
      return 'from'
    end
    if slip.opened and not number(slip.opened, MAX_MS) or needs_opened[op] and not slip.opened then return 'opened' end
    if slip.expires and not number(slip.expires, MAX_MS) then return 'expires' end
    if op == OP_ORDER then return check_order(slip) end
    if op == OP_UNDO_ORDER or op == OP_UNDO_TRANSFER then return not number(slip.refused, RESERVED - 1) and 'refused' or nil end
    if op == OP_SETTLE then
      local how = slip.how
      if how == EXTENDED and not slip.expires or not number(slip.order, MAX_EXACT) then return 'order or expires' end
      return not (how >= EXTENDED and how <= EXPIRED) and 'how' or nil
    end
    if op == OP_ARRIVAL and not (slip.source > '') or op == OP_TRANSFER and slip.to and not (slip.to > '') then return 'to or source' end
    return nil
  end
end
