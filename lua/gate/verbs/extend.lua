-- extend: the hold's expiry becomes clock + ttl_ms; no quantity changes, so neither does the version.
verbs[OP_EXTEND] = function(r, p)
  local hold, q = decided_here(r, p)
  if not hold then return end
  local id, expires_at_ms = reservation_ids[r], clock + ttls[r]
  remember(ids[r], bodies[r], EXTENDED, q, false, false)
  if hold[HELD_LINES] then
    extend_lines(r, id, hold, expires_at_ms, true)
    return settle_others(r, id, hold, EXTENDED, expires_at_ms)
  end
  hold[EXPIRES_AT_MS] = expires_at_ms
  note(id)
  say(r, EXTENDED, p, q, expires_at_ms, {id, hold[HELD_AT], hold[HELD_CHANNEL], hold[HELD_ORDER]})
end
