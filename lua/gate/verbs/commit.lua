-- commit: the hold ends as sold: reserved -q, total -q.
verbs[OP_COMMIT] = function(r, p)
  end_hold(r, p, COMMITTED)
end
