-- holds: the few ways in which a hold changes, of one line or of an order, whose lines here end together.
-- Reads (of Redis) only positions of an order's lines that no row named; writes nothing.
-- q units of p are not held any more
local function give_back(id, p, q, code)
  p.reserved = p.reserved - q
  if code ~= COMMITTED then p.available = p.available + q end
  if not (q > 0 and p.reserved >= 0 and p.reserved % 1 == 0) then corrupt('hold ' .. id) end
  touch(p)
end

-- as it is stored; \154 begins a msgpack array of ten
local function packed_hold(hold)
  local lines = hold[HELD_LINES]
  if not lines or lines[4] then return pack(hold) end
  return '\154' .. pack(hold[HELD_AT], hold[HELD], hold[EXPIRES_AT_MS], hold[HELD_BODY], hold[HELD_CHANNEL], hold[HELD_ORDER],
                        hold[HELD_OPENED], hold[HELD_HOME], lines[3], hold[HELD_LEGS])
end

-- what a decision about the line of an order tells of its hold; lines[i] is the line's position; untold: the ending command's id is
-- known here already, so that it is not remembered
local function about(id, hold, i, complete, untold)
  local lines = hold[HELD_LINES]
  return {id, lines[i], hold[HELD_CHANNEL], hold[HELD_ORDER], lines[i + 2], complete, hold[HELD_BODY], hold[HELD_OPENED],
          untold or false}
end

-- all lines of an order that are held here end; returns how many
local function finish_order(r, id, hold, code, complete, untold)
  local lines = hold[HELD_LINES]
  local n = #lines
  for i = 1, n, 3 do
    local p = levels[lines[i]] or load_level(lines[i])
    give_back(id, p, lines[i + 1], code)
    say(r, code, p, lines[i + 1], false, about(id, hold, i, complete and i + 3 > n, untold))
  end
  active[id] = nil
  note(id)
  return n / 3
end

-- the home has decided: every other leg follows
local function settle_others(r, id, hold, code, expires_at_ms)
  if #hold[HELD_LEGS] > 0 then
    forward(r, SETTLE, {id, hold[HELD_BODY], hold[HELD_OPENED], code, expires_at_ms, hold[HELD_LEGS]})
  end
end

-- the only way in which a hold ends where that is decided: committed, released or expired; returns the lines that ended
local function finish(r, id, hold, code)
  if hold[HELD_LINES] then
    local ended = finish_order(r, id, hold, code, true)
    remember_use(id, hold[HELD_BODY], RESERVED, hold[HELD], code, hold[HELD_LINES], hold[HELD_OPENED], false)
    settle_others(r, id, hold, code, false)
    return ended
  end
  local position, q = hold[HELD_AT], hold[HELD]
  local p = levels[position] or load_level(position)
  give_back(id, p, q, code)
  active[id] = nil
  note(id)
  remember(id, hold[HELD_BODY], RESERVED, q, code, position)
  say(r, code, p, q, false, {id, position, hold[HELD_CHANNEL], hold[HELD_ORDER]})
  return 1
end

-- an order's lines here have a new expiry
local function extend_lines(r, id, hold, expires_at_ms, complete, untold)
  local lines = hold[HELD_LINES]
  local n = #lines
  hold[EXPIRES_AT_MS] = expires_at_ms
  note(id)
  for i = 1, n, 3 do
    local p = levels[lines[i]] or load_level(lines[i])
    say(r, EXTENDED, p, lines[i + 1], expires_at_ms, about(id, hold, i, complete and i + 3 > n, untold))
  end
end
