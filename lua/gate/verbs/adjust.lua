-- adjust: available and total change by the row's signed quantity; or limit_exceeded, or insufficient_stock.
local function adjust(row, p)
  move(row, p, row[QUANTITY])
end
