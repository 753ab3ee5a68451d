-- slips: what a record of several partitions has besides the other columns, checked.
--   from_partitions, from_offsets, from_indexes: the stamp, of onhand's own records alone; opened_at: the clock of the first leg (ms)
--   of this leg of an order: lines_at, the index of its first line, whose position and units are the row's own; more_lines, those behind
--   it, flat: position, units, line ...; homes: false here, else its partition; legs, at the home: the others' partitions;
--   expiries: the order's, also in a settle that extends (ms); agains: true where a repeat travels
-- and in `slips`, a map, what is rare:
--   refused   the code of a later leg's refusal; short: its short lines, flat: line, position, requested, available ...
--   how       the code of an end; order: the body of the order; at: the position that the ending command named
--   to        a transfer's destination where it is here, else false; source: its source; dispatch, final: true or false
-- Writes nothing. Leaves exact(x, most), for numbers down to -MAX_EXACT, and check_slip(op, r, slip): what is wrong, or nil.
local function exact(x, most)
  return x % 1 == 0 and x >= -MAX_EXACT and x <= most
end

local check_slip
do
  local function triples(lines)
    local n = #lines
    if n == 0 or n % 3 ~= 0 then return false end
    for i = 1, n, 3 do
      if not (lines[i] > '' and lines[i + 1] > 0 and exact(lines[i + 1], MAX_FOLDED) and exact(lines[i + 2], 99)) then return false end
    end
    return true
  end

  local function check_order(r)
    if not exact(lines_at[r], 99) or more_lines[r] and not triples(more_lines[r]) then return 'lines' end
    local home, others = homes[r], legs[r]
    if home then return not exact(home, MAX_EXACT) and 'home' or nil end
    for i = 1, #others do
      if not exact(others[i], MAX_EXACT) then return 'legs' end
    end
    return nil
  end

  check_slip = function(op, r, slip)
    local expires_at_ms = expiries[r]
    if expires_at_ms and not exact(expires_at_ms, MAX_MS) then return 'expires' end
    if op == OP_ORDER then return check_order(r) end
    if not slip then return 'slip' end
    if op == OP_UNDO_ORDER or op == OP_UNDO_TRANSFER then return not exact(slip.refused, RESERVED - 1) and 'refused' or nil end
    if op == OP_SETTLE then
      local how = slip.how
      if how == EXTENDED and not expires_at_ms or not exact(slip.order, MAX_EXACT) then return 'order or expires' end
      return not (how >= EXTENDED and how <= EXPIRED) and 'how' or nil
    end
    if op == OP_ARRIVAL and not (slip.source > '') or op == OP_TRANSFER and slip.to and not (slip.to > '') then return 'to or source' end
    return nil
  end
end
