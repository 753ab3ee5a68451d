-- release: the hold ends as given back: reserved -q, available +q.
local function release(r, p)
  end_hold(r, p, RELEASED)
end
