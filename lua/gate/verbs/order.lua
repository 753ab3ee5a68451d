-- order: a leg of a reserve over several positions: the client's record at the first leg, a hop at the others.
-- Every line or none; the next leg is sent a hop. What is refused is remembered here and undone at every leg before.
local function at_line(slip, short)
  local lines, wanted = slip.lines, short and short[1]
  for i = 1, #lines, 3 do
    if lines[i + 2] == wanted then return i end
  end
  return 1
end

-- one decision about the leg as a whole, at a short line of it or else at its first
local function say_leg(r, slip, code, short, body, opened)
  local i, lines = at_line(slip, short), slip.lines
  local q = code ~= UNKNOWN_RESERVATION + REPLAYED and lines[i + 1]
  say(r, code, levels[lines[i]], q, false, {ids[r], lines[i], false, false, lines[i + 2], true, body, opened, short or false})
end

local function refuse(r, slip, code, short)
  local opened, replayed = slip.opened or clock, slip.again and REPLAYED or 0
  if code == ID_REUSED then
    say_leg(r, slip, code + replayed, short, false, false)
  else
    say_leg(r, slip, code, short, bodies[r], opened)
    remember_use(ids[r], bodies[r], code, false, false, false, opened, short or false)
  end
  if slip.opened and not slip.again then forward(r, UNDO, {code, opened, short or false}) end
end

local function tell_again(r, slip, hold)
  local id, lines, is_home = ids[r], hold[HELD_LINES], not hold[HELD_HOME]
  for i = 1, #lines, 3 do
    local told = about(id, hold, i, is_home and i + 3 > #lines)
    told[7] = false                                    -- a repeat says nothing new of the use
    say(r, RESERVED + REPLAYED, levels[lines[i]], lines[i + 1], hold[EXPIRES_AT_MS], told)
  end
  if not is_home then forward(r, HOP, {hold[HELD_OPENED], hold[EXPIRES_AT_MS], true}) end
end

local function short_lines(lines)
  local short
  for i = 1, #lines, 3 do
    local available = levels[lines[i]].available
    if available < lines[i + 1] then
      short = short or {}
      local n = #short
      short[n + 1], short[n + 2], short[n + 3], short[n + 4] = lines[i + 2], lines[i], lines[i + 1], available
    end
  end
  return short
end

local function hold_lines(r, slip, opened, expires_at_ms)
  local id, lines = ids[r], slip.lines
  local hold = {lines[1], lines[2], expires_at_ms, bodies[r], channels[r] or false, order_ids[r] or false,
                opened, slip.home, lines, slip.legs or {}}
  active[id] = hold
  note(id)
  for i = 1, #lines, 3 do
    local p, q = levels[lines[i]], lines[i + 1]
    p.available, p.reserved = p.available - q, p.reserved + q
    touch(p)
    say(r, RESERVED, p, q, expires_at_ms, about(id, hold, i, not slip.home and i + 3 > #lines))
  end
  if slip.home then forward(r, HOP, {opened, expires_at_ms, false}) end
end

own_verbs[OP_ORDER] = function(r)
  local id, slip = ids[r], slips[r]
  local hold, entry = active[id], known(id)
  if hold or entry or opens[id] then
    local body = hold and hold[HELD_BODY] or entry and entry[DONE_BODY]
    local opened = hold and hold[HELD_OPENED] or entry and entry[DONE_OPENED]
    if opens[id] or body ~= bodies[r] or (slip.opened and slip.opened ~= opened) then return refuse(r, slip, ID_REUSED) end
    if hold then return tell_again(r, slip, hold) end
    return say_leg(r, slip, entry[DONE_CODE] + REPLAYED, entry[DONE_SHORT], false, false)
  end
  if slip.again then return say_leg(r, slip, UNKNOWN_RESERVATION + REPLAYED, false, false, false) end
  local expires_at_ms = slip.expires or clock + ttls[r]
  if slip.opened and clock >= expires_at_ms then return refuse(r, slip, ALREADY_EXPIRED) end
  local short = short_lines(slip.lines)
  if short then return refuse(r, slip, INSUFFICIENT_STOCK, short) end
  hold_lines(r, slip, slip.opened or clock, expires_at_ms)
end
