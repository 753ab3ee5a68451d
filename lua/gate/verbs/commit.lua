-- commit: the hold ends as sold: reserved -q, total -q.
local function commit(row, p)
  end_hold(row, p, COMMITTED)
end
