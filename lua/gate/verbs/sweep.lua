-- sweep: ends, as expired, at most sweep_limit holds whose expiry is at or before the clock, in order of (expiry, id).
-- Where a batch ends must not matter: due:{p} is as it was before the batch, so its ids are merged with the holds put in this
-- batch; those ended or extended in it may stand among the first of due:{p}, so that many more are read.
-- Reads due:{p}, and the holds and positions that no row named.
local function soonest(x, y)
  local a, b = active[x][EXPIRES_AT_MS], active[y][EXPIRES_AT_MS]
  if a ~= b then return a < b end
  return x < y
end

local function sweep(r)
  local list = call('ZRANGEBYSCORE', DUE, '-inf', clock, 'LIMIT', 0, sweep_limit + changes)
  local unseen, ready, seen = {}, {}, {}
  for i = 1, #list do
    local id = list[i]
    if not stored[id] then unseen[#unseen + 1] = id end
  end
  look_up(RES, unseen, found_hold)
  for i = 1, #unseen do
    if not active[unseen[i]] then corrupt('due without a hold: ' .. unseen[i]) end
  end
  for i = 1, changes do list[#list + 1] = changed[i] end
  for i = 1, #list do
    local id = list[i]
    local hold = active[id]
    if hold and not seen[id] and hold[EXPIRES_AT_MS] <= clock then
      seen[id] = true
      ready[#ready + 1] = id
    end
  end
  sort(ready, soonest)
  for i = 1, min(#ready, sweep_limit) do finish(r, ready[i], active[ready[i]], EXPIRED) end
end
