-- read: fetches with few calls all that the rows name.
-- Reads inv:{p}:* of the rows' positions, res:{p}, open:{p} and both generations end:{p}:* of the rows' ids; touches every other
-- key that may be written, so that a wrong type or a slot that moves is an error now and not between two writes.
-- Leaves levels (position -> numbers, units), active (id -> hold), stored (ids in res:{p}), opens (id -> transfer), done and
-- born (id -> packed entry, its generation), newest_ms.
local levels, active, stored, opens, done, born = {}, {}, {}, {}, {}, {}

local function load_level(position)
  local key = INV .. position
  local got = call('HMGET', key, 'available', 'reserved', 'total', 'version')
  local a, r, t, v = (got[1] or 0) + 0, (got[2] or 0) + 0, (got[3] or 0) + 0, (got[4] or 0) + 0
  if not (a % 1 == 0 and r % 1 == 0 and a >= 0 and r >= 0 and a + r == t and t < MAX_EXACT
          and v % 1 == 0 and v >= 0 and v < MAX_EXACT) then corrupt('position ' .. position) end
  -- total: as stored, false where nothing is; the decide phase works on the other two
  local p = {key = key, available = a, reserved = r, version = v, total = got[3] and t, dirty = false}
  levels[position] = p
  return p
end

-- the values of `wanted` ids in the hash `key`, told as found(id, value); HLEN also touches a key that is only written
local function look_up(key, wanted, found)
  if call('HLEN', key) == 0 then return end
  for i = 1, #wanted, PIECE do
    local j = min(i + PIECE - 1, #wanted)
    local got = call('HMGET', key, unpack(wanted, i, j))
    for x = i, j do
      local value = got[x - i + 1]
      if value then found(wanted[x], value) end
    end
  end
end

local function found_hold(id, value)
  local hold = decode(value)
  local position, q, expires_at_ms = hold[HELD_AT], hold[HELD], hold[EXPIRES_AT_MS]
  if not (position > '' and q > 0 and q % 1 == 0 and expires_at_ms > 0 and expires_at_ms % 1 == 0)
    or hold[HELD_CHANNEL] == nil or hold[HELD_ORDER] == nil then corrupt('hold ' .. id) end
  if hold[HELD_OPENED] then
    local lines = hold[HELD_LINES]
    if type(lines) == 'number' then hold[HELD_LINES] = {position, q, lines} end
    if hold[HELD_LINES][1] ~= position or hold[HELD_LEGS] == nil then corrupt('hold ' .. id) end
  end
  active[id], stored[id] = hold, true
end

local was = floor(clock / window_ms)                   -- at most two generations exist: was - 1 and was

local newest_ms = clock
do
  local function found_open(id, value)
    local transfer = decode(value)
    if not (transfer[OPEN_AT] > '' and transfer[OPEN_SHIPPED] >= transfer[OPEN_ARRIVED] and transfer[OPEN_ARRIVED] >= 0) then
      corrupt('transfer ' .. id)
    end
    opens[id] = transfer
  end

  local function load_ids(wanted)
    look_up(RES, wanted, found_hold)
    local misses, n = {}, 0
    for i = 1, #wanted do
      if not active[wanted[i]] then n = n + 1 misses[n] = wanted[i] end
    end
    look_up(OPEN, misses, found_open)
    for g = was - 1, was do
      look_up(GENERATION .. g, misses, function(id, value) done[id], born[id] = value, g end)
    end
  end

  local named, names = {}, 0
  for r = 1, count do
    local op, position = ops[r], positions[r]
    if times[r] > newest_ms then newest_ms = times[r] end
    if position and not levels[position] then load_level(position) end
    if op >= OP_RESERVE and op <= OP_SETTLE then
      local target, more, slip = reservation_ids[r], more_lines[r], slips[r]
      names = names + 1
      named[names] = ids[r]
      if target then
        names = names + 1
        named[names] = target
      end
      for i = 1, more and #more or 0, 3 do
        if not levels[more[i]] then load_level(more[i]) end
      end
      local to = slip and slip.to
      if to and not levels[to] then load_level(to) end
    end
  end
  load_ids(named)
end

local is = floor(newest_ms / window_ms)                -- at the end of the batch: is - 1 and is
call('ZCARD', DUE)
if is > was then
  for g = is - 1, is do call('HLEN', GENERATION .. g) end
end
