-- sweep: ends, as expired, holds whose expiry is at or before the clock, in order of (expiry, id), until sweep_limit lines ended.
-- Of an order only the home's hold is due: the other legs wait for its word.
-- Where a batch ends must not matter: due:{p} is as it was before the batch, so its ids are merged with the holds put in this
-- batch; those ended or extended in it may stand among the first of due:{p}, so that many more are read.
-- Reads due:{p}, and the holds and positions that no row named.
local function soonest(x, y)
  local a, b = active[x][EXPIRES_AT_MS], active[y][EXPIRES_AT_MS]
  if a ~= b then return a < b end
  return x < y
end

own_verbs[OP_SWEEP] = function(r)
  local list = call('ZRANGEBYSCORE', DUE, '-inf', clock, 'LIMIT', 0, sweep_limit + changes)
  local unseen, ready, met = {}, {}, {}
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
    if hold and not met[id] and not hold[HELD_HOME] and hold[EXPIRES_AT_MS] <= clock then
      met[id] = true
      ready[#ready + 1] = id
    end
  end
  sort(ready, soonest)
  local ended, i = 0, 1
  while ended < sweep_limit and ready[i] do
    ended, i = ended + finish(r, ready[i], active[ready[i]], EXPIRED), i + 1
  end
end
