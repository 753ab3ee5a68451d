-- set_reorder: passes through to the ledger; here only its id is remembered.
local function set_reorder(row, p)
  remember(row[ID], row[BODY], APPLIED, false, false, false)
  say(row, APPLIED, p, false, false, false)
end
