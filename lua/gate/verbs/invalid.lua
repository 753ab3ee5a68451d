-- invalid: what the agent could not read as a command; nothing changes, and nothing is remembered.
local function invalid(row, p)
  say(row, INVALID, p, false, false, false)
end
