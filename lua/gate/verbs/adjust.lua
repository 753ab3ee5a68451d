-- adjust: available and total change by the row's signed quantity; or limit_exceeded, or insufficient_stock.
verbs[OP_ADJUST] = function(r, p)
  move(r, p, quantities[r])
end
