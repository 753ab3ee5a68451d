-- move: a movement of `delta` units into (or, negative, out of) what is available; what receive, return, ship, adjust share.
-- The quantity told is the row's own: of a ship positive, of an adjust signed.
local function move(r, p, delta)
  local q = quantities[r]
  if delta > 0 and full(p, delta) then return say(r, LIMIT_EXCEEDED, p, q, false, false) end
  if p.available + delta < 0 then return say(r, INSUFFICIENT_STOCK, p, q, false, false) end
  p.available = p.available + delta
  touch(p)
  remember(ids[r], bodies[r], APPLIED, q, false, false)
  say(r, APPLIED, p, q, false, false)
end
