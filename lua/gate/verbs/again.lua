-- again: the id is known, by its active hold or by what was done under it; nothing changes.
-- The same body: the earlier outcome and quantity with present numbers. Another body: id_reused, with this row's own wish.
local function again(row, p, hold, entry)
  local body = hold and hold[HELD_BODY] or entry and entry[DONE_BODY]
  if body ~= row[BODY] then return say(row, ID_REUSED, p, row[QUANTITY] or false, false, false) end
  if hold then return say(row, RESERVED + REPLAYED, p, hold[HELD], hold[EXPIRES_AT_MS], false) end
  local expires_at_ms = false
  if row[OP] == OP_EXTEND then
    local extended = active[row[RESERVATION_ID]]
    if extended and extended[HELD_AT] == row[POSITION] then expires_at_ms = extended[EXPIRES_AT_MS] end
  end
  say(row, entry[DONE_CODE] + REPLAYED, p, entry[DONE_QUANTITY], expires_at_ms, false)
end
