-- settle, undo: what the other legs of an order are sent. They cannot be refused, since their holds wait for exactly that.
local function hold_of_use(r, id, body)
  local hold = active[id]
  if not hold or hold[HELD_BODY] ~= body or hold[HELD_OPENED] ~= opened_at[r] then corrupt('a slip finds no hold of ' .. id) end
  return hold
end

own_verbs[OP_SETTLE] = function(r)
  local slip, id, by = slips[r], reservation_ids[r], ids[r]
  local hold, how = hold_of_use(r, id, slip.order), slip.how
  local q, untold = units_at(hold[HELD_LINES], slip.at), active[by] or opens[by] or known(by)
  if how == EXTENDED then
    extend_lines(r, id, hold, expiries[r], false, untold and true)
  else
    finish_order(r, id, hold, how, false, untold and true)
    remember_use(id, hold[HELD_BODY], RESERVED, hold[HELD], how, hold[HELD_LINES], hold[HELD_OPENED], false)
  end
  if how ~= EXPIRED and not untold then remember(by, bodies[r], how, q, false, false) end
end

own_verbs[OP_UNDO_ORDER] = function(r)
  local slip, id = slips[r], ids[r]
  local hold = hold_of_use(r, id, bodies[r])
  finish_order(r, id, hold, RELEASED, false)
  remember_use(id, bodies[r], slip.refused, false, false, false, opened_at[r], slip.short or false)
end
