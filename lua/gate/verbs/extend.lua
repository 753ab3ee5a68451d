-- extend: the hold's expiry becomes clock + ttl_ms; no quantity changes, so neither does the version.
local function extend(r, p)
  local hold = held(r)
  if not hold then return not_held(r, p) end
  local id, expires_at_ms = reservation_ids[r], clock + ttls[r]
  hold[EXPIRES_AT_MS] = expires_at_ms
  note(id)
  remember(ids[r], bodies[r], EXTENDED, hold[HELD], false, false)
  say(r, EXTENDED, p, hold[HELD], expires_at_ms, {id, hold[HELD_AT], hold[HELD_CHANNEL], hold[HELD_ORDER]})
end
