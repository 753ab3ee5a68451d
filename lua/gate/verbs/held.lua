-- held: what extend, commit and release share: which hold they mean, and what they say where there is none.
-- A hold is active until it is swept, even past its expiry. A wrong position is an unknown reservation.
local ALREADY = {[COMMITTED] = ALREADY_COMMITTED, [RELEASED] = ALREADY_RELEASED, [EXPIRED] = ALREADY_EXPIRED}

local function held(r)
  local hold = active[reservation_ids[r]]
  if hold and hold[HELD_AT] == positions[r] then return hold end
  return nil
end

local function not_held(r, p)
  local entry = known(reservation_ids[r])
  if entry and entry[DONE_ENDED] and entry[DONE_AT] == positions[r] then
    return say(r, ALREADY[entry[DONE_ENDED]], p, entry[DONE_QUANTITY], false, false)
  end
  say(r, UNKNOWN_RESERVATION, p, false, false, false)
end

local function end_hold(r, p, code)
  local hold = held(r)
  if not hold then return not_held(r, p) end
  remember(ids[r], bodies[r], code, hold[HELD], false, false)
  finish(r, reservation_ids[r], hold, code)
end
