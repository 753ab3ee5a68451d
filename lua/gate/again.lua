-- again: the id of a command about one position is known, by its active hold or by what was done under it; nothing changes.
-- The same body: the earlier outcome and quantity with present numbers. Another body: id_reused, with this row's own wish.
local function wished(r, p)
  local q = quantities[r]
  if ops[r] == OP_COUNT then return q - p.available - p.reserved end
  return q or false
end

local function again(r, p, hold, entry)
  local body = hold and hold[HELD_BODY] or entry and entry[DONE_BODY]
  if body ~= bodies[r] then return say(r, ID_REUSED, p, wished(r, p), false, false) end
  if hold then return say(r, RESERVED + REPLAYED, p, hold[HELD], hold[EXPIRES_AT_MS], false) end
  local extended = ops[r] == OP_EXTEND and active[reservation_ids[r]]
  say(r, entry[DONE_CODE] + REPLAYED, p, entry[DONE_QUANTITY], extended and extended[EXPIRES_AT_MS] or false, false)
end
