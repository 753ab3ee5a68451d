-- decide: the rows in order, each by the first rung that applies: invalid, the id is known, the verb's own ladder.
-- Reads only through sweep; writes nothing.
local verbs = {
  [OP_RESERVE] = reserve, [OP_EXTEND] = extend, [OP_COMMIT] = commit, [OP_RELEASE] = release,
  [OP_RECEIVE] = receive, [OP_RETURN] = receive, [OP_SHIP] = ship, [OP_ADJUST] = adjust, [OP_SET_REORDER] = set_reorder,
}

for i = 1, #rows do
  local row = rows[i]
  local op, id = row[OP], row[ID]
  if row[AT_MS] > clock then
    clock = row[AT_MS]
    generation = floor(clock / window_ms)
  end
  if op == OP_SWEEP then
    sweep(row)
  elseif op == OP_INVALID then
    invalid(row, row[POSITION] and levels[row[POSITION]] or NOWHERE)
  else
    local p, hold, entry = levels[row[POSITION]], active[id], done[id] and known(id)
    if hold or entry then again(row, p, hold, entry) else verbs[op](row, p) end
  end
end
