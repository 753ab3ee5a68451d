-- reserve: available -q, reserved +q, held until clock + ttl_ms; or insufficient_stock.
local function reserve(row, p)
  local id, q = row[ID], row[QUANTITY]
  if p.available < q then return say(row, INSUFFICIENT_STOCK, p, q, false, false) end
  local expires_at_ms = clock + row[TTL_MS]
  p.available, p.reserved = p.available - q, p.reserved + q
  touch(p)
  active[id] = {row[POSITION], q, expires_at_ms, row[BODY], row[CHANNEL] or false, row[ORDER_ID] or false}
  note(id)
  say(row, RESERVED, p, q, expires_at_ms, false)
end
