-- transfer, arrival, undo: units leave a source and come to a destination, at once (instant) or by `arrive` (dispatch).
-- The destination is sent an arrival, or stands in the same partition; what it refuses goes back, whatever the source remembers.
local function say_transfer(r, code, p, q, line, complete, use, opened, remembered)
  use = use or false
  say(r, code, p, q, false, {ids[r], false, false, false, line, complete, use and bodies[r], use and opened, remembered or false})
end

-- what is known under an id: body, opened_at_ms, outcome; nil where nothing is
local function use_of(id)
  local hold, open, entry = active[id], opens[id], known(id)
  if hold then return hold[HELD_BODY], hold[HELD_OPENED], RESERVED end
  if open then return open[OPEN_BODY], open[OPEN_OPENED], APPLIED end
  if entry then return entry[DONE_BODY], entry[DONE_OPENED], entry[DONE_CODE] end
  return nil
end

-- at the destination; instant: the units are there, dispatch: they are awaited
local function take_in(r, p, opened, source, position)
  local id, q = ids[r], quantities[r]
  if slips[r].dispatch then
    opens[id] = {bodies[r], opened, q, 0, source, position}
    moved[#moved + 1] = id
    return say_transfer(r, APPLIED, p, 0, 1, false, true, opened)
  end
  p.available = p.available + q
  touch(p)
  say_transfer(r, APPLIED, p, q, 1, true, true, opened)
end

own_verbs[OP_TRANSFER] = function(r, p)
  local id, q, slip = ids[r], quantities[r], slips[r]
  local to, dispatch = slip.to, slip.dispatch
  local body, opened, outcome = use_of(id)
  if body then
    if body ~= bodies[r] then return say_transfer(r, ID_REUSED, p, q, 0, true) end
    local ends = to or dispatch or outcome ~= APPLIED
    say_transfer(r, outcome + REPLAYED, p, q, 0, not not ends)
    if not ends then forward(r, ARRIVAL, {opened, true}) end
    return
  end
  if to and not dispatch and full(levels[to], q) then return say_transfer(r, LIMIT_EXCEEDED, levels[to], q, 1, true) end
  if p.available < q then return say_transfer(r, INSUFFICIENT_STOCK, p, q, 0, true) end
  p.available = p.available - q
  touch(p)
  remember_use(id, bodies[r], APPLIED, q, false, false, clock, false)
  say_transfer(r, APPLIED, p, q, 0, dispatch, true, clock)
  if to then return take_in(r, levels[to], clock, positions[r], to) end
  forward(r, ARRIVAL, {clock, false})
end

own_verbs[OP_ARRIVAL] = function(r, p)
  local id, q, slip = ids[r], quantities[r], slips[r]
  local complete, replayed = not slip.dispatch, agains[r] and REPLAYED or 0
  local body, opened, outcome = use_of(id)
  local refused
  if body then
    if body == bodies[r] and opened == opened_at[r] then
      return say_transfer(r, outcome + REPLAYED, p, (slip.dispatch or opens[id]) and 0 or q, 1, complete)
    end
    refused = ID_REUSED
  elseif agains[r] then
    refused = UNKNOWN_TRANSFER
  elseif complete and full(p, q) then
    refused = LIMIT_EXCEEDED
    remember_use(id, bodies[r], refused, q, false, false, opened_at[r], false)
  end
  if not refused then
    if complete then remember_use(id, bodies[r], APPLIED, q, false, false, opened_at[r], false) end
    return take_in(r, p, opened_at[r], slip.source, positions[r])
  end
  say_transfer(r, refused + replayed, p, q, 1, complete, refused == LIMIT_EXCEEDED, opened_at[r])
  if not agains[r] then forward(r, UNDO, {refused, opened_at[r], false}) end
end

-- never refused, not even by the limit
own_verbs[OP_UNDO_TRANSFER] = function(r, p)
  local id, q, slip = ids[r], quantities[r], slips[r]
  local body, opened = use_of(id)
  local remembered = not body or (body == bodies[r] and opened == opened_at[r])
  p.available = p.available + q
  touch(p)
  if remembered then remember_use(id, bodies[r], slip.refused, q, false, false, opened_at[r], false) end
  say_transfer(r, APPLIED, p, q, 0, false, true, opened_at[r], remembered)
end
