-- release: the hold ends as given back: reserved -q, available +q.
local function release(row, p)
  end_hold(row, p, RELEASED)
end
