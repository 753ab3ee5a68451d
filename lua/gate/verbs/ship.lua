-- ship: a direct sale: available -q, total -q; or insufficient_stock.
local function ship(row, p)
  move(row, p, -row[QUANTITY])
end
