-- decide: the rows in order, each by the first rung that applies: invalid, the id is known, the verb's own ladder.
-- Reads only through sweep; writes nothing.
local verbs = {
  [OP_RESERVE] = reserve, [OP_EXTEND] = extend, [OP_COMMIT] = commit, [OP_RELEASE] = release,
  [OP_RECEIVE] = receive, [OP_RETURN] = receive, [OP_SHIP] = ship, [OP_ADJUST] = adjust, [OP_SET_REORDER] = set_reorder,
}

for r = 1, count do
  local op, id, position = ops[r], ids[r], positions[r]
  if times[r] > clock then
    clock = times[r]
    generation = floor(clock / window_ms)
  end
  if op == OP_SWEEP then
    sweep(r)
  elseif op == OP_INVALID then
    invalid(r, position and levels[position] or NOWHERE)
  else
    local p, hold, entry = levels[position], active[id], done[id] and known(id)
    if hold or entry then again(r, p, hold, entry) else verbs[op](r, p) end
  end
end
