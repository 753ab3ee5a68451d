-- order: a leg of a reserve over several positions: the client's record at the first leg, a hop at the others.
-- Every line or none; the next leg is sent a hop. What is refused is remembered here and undone at every leg before.
-- A line that is held is told without its hold, and without the hop that follows the last of them: the record has all of it.
local function lines_of(r)
  local more = more_lines[r]
  if more then return {positions[r], quantities[r], lines_at[r], unpack(more)} end
  return {positions[r], quantities[r], lines_at[r]}
end

local function at_line(lines, short)
  local wanted = short and short[1]
  for i = 1, #lines, 3 do
    if lines[i + 2] == wanted then return i end
  end
  return 1
end

-- one decision about the leg as a whole, at a short line of it or else at its first
local function say_leg(r, lines, code, short, body, opened)
  local i = at_line(lines, short)
  local q = code ~= UNKNOWN_RESERVATION + REPLAYED and lines[i + 1]
  say(r, code, levels[lines[i]], q, false, {ids[r], lines[i], false, false, lines[i + 2], true, body, opened, short or false})
end

local function refuse(r, lines, code, short)
  local opened, replayed = opened_at[r] or clock, agains[r] and REPLAYED or 0
  if code == ID_REUSED then
    say_leg(r, lines, code + replayed, short, false, false)
  else
    say_leg(r, lines, code, short, bodies[r], opened)
    remember_use(ids[r], bodies[r], code, false, false, false, opened, short or false)
  end
  if opened_at[r] and not agains[r] then forward(r, UNDO, {code, opened, short or false}) end
end

local function tell_again(r, hold)
  local id, lines, is_home = ids[r], hold[HELD_LINES], not hold[HELD_HOME]
  for i = 1, #lines, 3 do
    local told = about(id, hold, i, is_home and i + 3 > #lines)
    told[7] = false                                    -- a repeat says nothing new of the use
    say(r, RESERVED + REPLAYED, levels[lines[i]], lines[i + 1], hold[EXPIRES_AT_MS], told)
  end
  if not is_home then forward(r, HOP, {hold[HELD_OPENED], hold[EXPIRES_AT_MS]}) end
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

local function hold_lines(r, lines, opened, expires_at_ms)
  local id, home = ids[r], homes[r]
  active[id] = {lines[1], lines[2], expires_at_ms, bodies[r], channels[r] or false, order_ids[r] or false,
                opened, home, lines, legs[r] or false}
  note(id)
  for i = 1, #lines, 3 do
    local p, q = levels[lines[i]], lines[i + 1]
    p.available, p.reserved = p.available - q, p.reserved + q
    touch(p)
    say(r, RESERVED, p, q, expires_at_ms, false)
  end
end

own_verbs[OP_ORDER] = function(r)
  local id, opened = ids[r], opened_at[r]
  local lines, hold, entry = lines_of(r), active[id], known(id)
  if hold or entry or opens[id] then
    local body = hold and hold[HELD_BODY] or entry and entry[DONE_BODY]
    local first = hold and hold[HELD_OPENED] or entry and entry[DONE_OPENED]
    if opens[id] or body ~= bodies[r] or (opened and opened ~= first) then return refuse(r, lines, ID_REUSED) end
    if hold then return tell_again(r, hold) end
    return say_leg(r, lines, entry[DONE_CODE] + REPLAYED, entry[DONE_SHORT], false, false)
  end
  if agains[r] then return say_leg(r, lines, UNKNOWN_RESERVATION + REPLAYED, false, false, false) end
  local expires_at_ms = expiries[r] or clock + ttls[r]
  if opened and clock >= expires_at_ms then return refuse(r, lines, ALREADY_EXPIRED) end
  local short = short_lines(lines)
  if short then return refuse(r, lines, INSUFFICIENT_STOCK, short) end
  hold_lines(r, lines, opened or clock, expires_at_ms)
end
