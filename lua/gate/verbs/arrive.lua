-- arrive: units of a dispatched transfer came in. What is more than is in transit enters it at once; with the final arrival what is
-- missing leaves it: both are told as the discrepancy.
verbs[OP_ARRIVE] = function(r, p)
  local transfer_id, n, final = reservation_ids[r], quantities[r], slips[r].final
  local open = opens[transfer_id]
  if not open or open[OPEN_AT] ~= positions[r] then
    local entry = known(transfer_id)
    local code = entry and entry[DONE_ENDED] == APPLIED and entry[DONE_AT] == positions[r] and ALREADY_ARRIVED or UNKNOWN_TRANSFER
    return say(r, code, p, n, false, false)
  end
  local source, opened, shipped = open[OPEN_SOURCE], open[OPEN_OPENED], open[OPEN_SHIPPED]
  if n > 0 and full(p, n) then
    return say(r, LIMIT_EXCEEDED, p, n, false, {ids[r], false, false, false, 0, true, false, false, 0, source})
  end
  local discrepancy = n - (shipped - open[OPEN_ARRIVED])
  if not final and discrepancy < 0 then discrepancy = 0 end
  moved[#moved + 1] = transfer_id
  if final then
    opens[transfer_id] = nil
    remember_use(transfer_id, open[OPEN_BODY], APPLIED, false, APPLIED, positions[r], opened, false)
  else
    opens[transfer_id] = {open[OPEN_BODY], opened, shipped, min(shipped, open[OPEN_ARRIVED] + n), source, positions[r]}
  end
  p.available = p.available + n
  if n > 0 then touch(p) end
  remember(ids[r], bodies[r], APPLIED, n, false, false)
  say(r, APPLIED, p, n, false, {ids[r], false, false, false, 0, true, open[OPEN_BODY], opened, discrepancy, source})
end
