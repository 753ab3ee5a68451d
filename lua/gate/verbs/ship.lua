-- ship: a direct sale: available -q, total -q; or insufficient_stock.
local function ship(r, p)
  move(r, p, -quantities[r])
end
