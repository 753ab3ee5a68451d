-- held: what extend, commit and release share: which hold they mean, and what they say where there is none.
-- A hold is active until it is swept, even past its expiry. A wrong position is an unknown reservation.
local ALREADY = {[COMMITTED] = ALREADY_COMMITTED, [RELEASED] = ALREADY_RELEASED, [EXPIRED] = ALREADY_EXPIRED}

local function held(row)
  local hold = active[row[RESERVATION_ID]]
  if hold and hold[HELD_AT] == row[POSITION] then return hold end
  return nil
end

local function not_held(row, p)
  local entry = known(row[RESERVATION_ID])
  if entry and entry[DONE_ENDED] and entry[DONE_AT] == row[POSITION] then
    return say(row, ALREADY[entry[DONE_ENDED]], p, entry[DONE_QUANTITY], false, false)
  end
  say(row, UNKNOWN_RESERVATION, p, false, false, false)
end

local function end_hold(row, p, code)
  local hold = held(row)
  if not hold then return not_held(row, p) end
  remember(row[ID], row[BODY], code, hold[HELD], false, false)
  finish(row, row[RESERVATION_ID], hold, code)
end
