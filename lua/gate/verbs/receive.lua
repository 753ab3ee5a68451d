-- receive, return: available +q, total +q; or limit_exceeded.
verbs[OP_RECEIVE] = function(r, p)
  move(r, p, quantities[r])
end
verbs[OP_RETURN] = verbs[OP_RECEIVE]
