-- receive, return: available +q, total +q; or limit_exceeded.
local function receive(row, p)
  move(row, p, row[QUANTITY])
end
