-- decide: the rows in order, each by the first rung that applies: a slip seen before, invalid, the id is known, the verb's ladder.
-- Reads only through sweep and the lines of held orders; writes nothing.
for r = 1, count do
  local op, id, position = ops[r], ids[r], positions[r]
  if times[r] > clock then
    clock = times[r]
    generation = floor(clock / window_ms)
  end
  if not from_partitions[r] or raise_stamp(r) then
    local p, own = position and levels[position] or NOWHERE, own_verbs[op]
    if own then
      own(r, p)
    else
      local hold, entry = active[id], done[id] and known(id)
      if hold or entry or opens[id] then again(r, p, hold, entry) else verbs[op](r, p) end
    end
  end
end
