-- state: the few ways in which verbs change things, all in Lua tables.
-- Reads (of Redis) only a position that is not loaded yet; writes nothing: that is the last phase's.
-- Leaves outcomes (flat, 9 values each; `silent` of them are no decisions), dirty (positions), changed (ids whose hold was put or
-- ended), moved (ids whose transfer was opened, came in part or ended), fresh (ids done).
local NOWHERE = {available = -1, reserved = -1, version = -1}
local outcomes, said, silent = {seq + 1}, 1, 0
local dirty, dirtied, changed, changes, fresh, remembered, moved = {}, 0, {}, 0, {}, 0, {}
local generation = was                                 -- of the clock, as that runs on
local verbs, own_verbs = {}, {}                        -- by op: function(r, p); the latter judge by themselves what is known of the id

-- what is no decision and takes no seq: told with the decisions of row r, or sent to other partitions
local function forward(r, code, data)
  local n = said
  outcomes[n + 1], outcomes[n + 2], outcomes[n + 3] = offsets[r], code, clock
  outcomes[n + 4], outcomes[n + 5], outcomes[n + 6] = -1, -1, -1
  outcomes[n + 7], outcomes[n + 8], outcomes[n + 9] = false, false, data
  said, silent = n + 9, silent + 1
end

-- tells one decision; quantity, expires_at_ms and hold are false where they do not apply
local function say(r, code, p, quantity, expires_at_ms, hold)
  if stamps_unsaid and tell_stamps(r, forward) then code = code + STAMPED end
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

-- whether q units more would be too many for p
local function full(p, q)
  return p.available + p.reserved + q > MAX_TOTAL
end

-- the hold of id was put, extended or ended (an id may be noted more than once)
local function note(id)
  changes = changes + 1
  changed[changes] = id
end

-- what was done under id is known for the window; \149 begins a msgpack array of five
local function remember(id, body, code, quantity, ended, at)
  done[id], born[id] = '\149' .. pack(body, code, quantity, ended, at), generation
  remembered = remembered + 1
  fresh[remembered] = id
end

-- the same of an order or a transfer; \151 begins an array of seven
local function remember_use(id, body, code, quantity, ended, at, opened, short)
  done[id], born[id] = '\151' .. pack(body, code, quantity, ended, at, opened, short), generation
  remembered = remembered + 1
  fresh[remembered] = id
end

-- what was done under id, if that is still visible at the clock
local function known(id)
  local entry = done[id]
  if entry and born[id] >= generation - 1 then return decode(entry) end
  return nil
end
