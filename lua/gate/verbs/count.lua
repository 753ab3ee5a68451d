-- count: total becomes what was counted, the reserved among it; or count_below_reserved. The quantity told is the difference.
verbs[OP_COUNT] = function(r, p)
  local delta = wished(r, p)
  if quantities[r] < p.reserved then return say(r, COUNT_BELOW_RESERVED, p, delta, false, false) end
  p.available = p.available + delta
  if delta ~= 0 then touch(p) end
  remember(ids[r], bodies[r], APPLIED, delta, false, false)
  say(r, APPLIED, p, delta, false, false)
end
