-- state: the few ways in which verbs change things, all in Lua tables.
-- Reads (of Redis) only a position that is not loaded yet; writes nothing: that is the last phase's.
-- Leaves outcomes (flat, 9 values each), dirty (positions), changed (ids whose hold was put or ended), fresh (ids done).
local NOWHERE = {available = -1, reserved = -1, version = -1}
local outcomes, said = {seq + 1}, 1
local dirty, dirtied, changed, changes, fresh, remembered = {}, 0, {}, 0, {}, 0
local generation = was                                 -- of the clock, as that runs on

-- tells one decision; quantity, expires_at_ms and hold are false where they do not apply
local function say(r, code, p, quantity, expires_at_ms, hold)
  local n = said
  outcomes[n + 1], outcomes[n + 2], outcomes[n + 3] = offsets[r], code, clock
  outcomes[n + 4], outcomes[n + 5], outcomes[n + 6] = p.available, p.reserved, p.version
  outcomes[n + 7], outcomes[n + 8], outcomes[n + 9] = quantity, expires_at_ms, hold
  said = n + 9
end

-- a decision changed a quantity of p
local function touch(p)
  if not p.dirty then
    p.dirty = true
    dirtied = dirtied + 1
    dirty[dirtied] = p
  end
  p.version = p.version + 1
end

-- the hold of id was put, extended or ended (an id may be noted more than once)
local function note(id)
  changes = changes + 1
  changed[changes] = id
end

-- what was done under id is known for the window; \149 begins a msgpack array of five
local function remember(id, body, code, quantity, ended, position)
  done[id], born[id] = '\149' .. pack(body, code, quantity, ended, position), generation
  remembered = remembered + 1
  fresh[remembered] = id
end

-- what was done under id, if that is still visible at the clock
local function known(id)
  local entry = done[id]
  if entry and born[id] >= generation - 1 then return decode(entry) end
  return nil
end

-- the only way in which a hold ends: committed, released or expired
local function finish(r, id, hold, code)
  local position, q = hold[HELD_AT], hold[HELD]
  local p = levels[position] or load_level(position)
  p.reserved = p.reserved - q
  if code ~= COMMITTED then p.available = p.available + q end
  if not (q > 0 and p.reserved >= 0 and p.reserved % 1 == 0) then corrupt('hold ' .. id) end
  touch(p)
  active[id] = nil
  note(id)
  remember(id, hold[HELD_BODY], RESERVED, q, code, position)
  say(r, code, p, q, false, {id, position, hold[HELD_CHANNEL], hold[HELD_ORDER]})
end
