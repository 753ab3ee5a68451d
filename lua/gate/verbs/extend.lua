-- extend: the hold's expiry becomes clock + ttl_ms; no quantity changes, so neither does the version.
local function extend(row, p)
  local hold = held(row)
  if not hold then return not_held(row, p) end
  local id, expires_at_ms = row[RESERVATION_ID], clock + row[TTL_MS]
  hold[EXPIRES_AT_MS] = expires_at_ms
  note(id)
  remember(row[ID], row[BODY], EXTENDED, hold[HELD], false, false)
  say(row, EXTENDED, p, hold[HELD], expires_at_ms, {id, hold[HELD_AT], hold[HELD_CHANNEL], hold[HELD_ORDER]})
end
