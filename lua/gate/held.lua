-- held: what extend, commit and release share: which hold they mean, and what they say where there is none.
-- A hold is active until it is swept, even past its expiry. A wrong position is an unknown reservation. Of an order only the home
-- decides: another leg passes the command on, with the use that it holds.
local ALREADY = {[COMMITTED] = ALREADY_COMMITTED, [RELEASED] = ALREADY_RELEASED, [EXPIRED] = ALREADY_EXPIRED}

-- the units that lines (flat) have at a position, and its line; false where they have none
local function units_at(lines, position)
  for i = 1, #lines, 3 do
    if lines[i] == position then return lines[i + 1], lines[i + 2] end
  end
  return false, false
end

-- whether row r means what is at a position or lines, of the use opened at that clock; a row that was passed on says that clock
local function meant(r, at, opened)
  local passed, position = opened_at[r], positions[r]
  if passed then return passed == opened end
  return at == position or (opened and type(at) == 'table' and units_at(at, position))
end

local function held(r)
  local hold = active[reservation_ids[r]]
  if hold and meant(r, hold[HELD_LINES] or hold[HELD_AT], hold[HELD_OPENED]) then return hold end
  return nil
end

local function not_held(r, p)
  local entry = known(reservation_ids[r])
  if entry and entry[DONE_ENDED] and ALREADY[entry[DONE_ENDED]] and meant(r, entry[DONE_AT], entry[DONE_OPENED]) then
    local q, line, told = entry[DONE_QUANTITY], false, false
    if entry[DONE_OPENED] then q, line = units_at(entry[DONE_AT], positions[r]) end
    if line then told = {reservation_ids[r], positions[r], false, false, line, true, false, false} end
    return say(r, ALREADY[entry[DONE_ENDED]], p, q, false, told)
  end
  say(r, UNKNOWN_RESERVATION, p, false, false, false)
end

-- the hold that row r may end or extend here, and the quantity to remember under the row's own id; nil where all is said
local function decided_here(r, p)
  local hold = held(r)
  if not hold then return not_held(r, p) end
  local home, lines = hold[HELD_HOME], hold[HELD_LINES]
  if home then return forward(r, PASS, {home, hold[HELD_OPENED]}) end
  return hold, lines and units_at(lines, positions[r]) or not lines and hold[HELD]
end

local function end_hold(r, p, code)
  local hold, q = decided_here(r, p)
  if not hold then return end
  remember(ids[r], bodies[r], code, q, false, false)
  finish(r, reservation_ids[r], hold, code)
end
