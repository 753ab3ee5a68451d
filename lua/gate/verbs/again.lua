-- again: the id is known, by its active hold or by what was done under it; nothing changes.
-- The same body: the earlier outcome and quantity with present numbers. Another body: id_reused, with this row's own wish.
local function again(r, p, hold, entry)
  local body = hold and hold[HELD_BODY] or entry and entry[DONE_BODY]
  if body ~= bodies[r] then return say(r, ID_REUSED, p, quantities[r] or false, false, false) end
  if hold then return say(r, RESERVED + REPLAYED, p, hold[HELD], hold[EXPIRES_AT_MS], false) end
  local expires_at_ms = false
  if ops[r] == OP_EXTEND then
    local extended = active[reservation_ids[r]]
    if extended and extended[HELD_AT] == positions[r] then expires_at_ms = extended[EXPIRES_AT_MS] end
  end
  say(r, entry[DONE_CODE] + REPLAYED, p, entry[DONE_QUANTITY], expires_at_ms, false)
end
