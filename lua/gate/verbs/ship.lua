-- ship: a direct sale: available -q, total -q; or insufficient_stock.
verbs[OP_SHIP] = function(r, p)
  move(r, p, -quantities[r])
end
