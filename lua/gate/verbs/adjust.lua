-- adjust: available and total change by the row's signed quantity; or limit_exceeded, or insufficient_stock.
local function adjust(r, p)
  move(r, p, quantities[r])
end
