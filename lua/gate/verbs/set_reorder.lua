-- set_reorder: passes through to the ledger; here only its id is remembered.
verbs[OP_SET_REORDER] = function(r, p)
  remember(ids[r], bodies[r], APPLIED, false, false, false)
  say(r, APPLIED, p, false, false, false)
end
