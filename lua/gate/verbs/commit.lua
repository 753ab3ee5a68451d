-- commit: the hold ends as sold: reserved -q, total -q.
local function commit(r, p)
  end_hold(r, p, COMMITTED)
end
