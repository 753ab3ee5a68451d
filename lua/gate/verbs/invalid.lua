-- invalid: what the agent could not read as a command; nothing changes, and nothing is remembered.
own_verbs[OP_INVALID] = function(r, p)
  say(r, INVALID, p, false, false, false)
end

-- pass: what belongs to another partition goes there, silently.
own_verbs[OP_PASS] = function(r)
  forward(r, PASS, false)
end

-- unplaced: a commit, release or extend of a reservation that nobody could find.
own_verbs[OP_UNPLACED] = function(r, p)
  say(r, UNKNOWN_RESERVATION, p, false, false, false)
end
