-- reserve: available -q, reserved +q, held until clock + ttl_ms; or insufficient_stock.
verbs[OP_RESERVE] = function(r, p)
  local id, q = ids[r], quantities[r]
  if p.available < q then return say(r, INSUFFICIENT_STOCK, p, q, false, false) end
  local expires_at_ms = clock + ttls[r]
  p.available, p.reserved = p.available - q, p.reserved + q
  touch(p)
  active[id] = {positions[r], q, expires_at_ms, bodies[r], channels[r] or false, order_ids[r] or false}
  note(id)
  say(r, RESERVED, p, q, expires_at_ms, false)
end
