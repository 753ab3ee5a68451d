-- invalid: what the agent could not read as a command; nothing changes, and nothing is remembered.
local function invalid(r, p)
  say(r, INVALID, p, false, false, false)
end
