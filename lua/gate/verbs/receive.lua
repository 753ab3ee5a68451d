-- receive, return: available +q, total +q; or limit_exceeded.
local function receive(r, p)
  move(r, p, quantities[r])
end
