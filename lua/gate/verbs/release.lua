-- release: the hold ends as given back: reserved -q, available +q.
verbs[OP_RELEASE] = function(r, p)
  end_hold(r, p, RELEASED)
end
