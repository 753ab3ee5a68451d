-- write: the tables back into Redis with few calls; nothing may fail from here on, so the last doubts come first.
-- Writes inv:{p}:*, res:{p}, due:{p}, open:{p}, end:{p}:*, and last gate:{p}: mark, clock, seq, stamps and the batch's outcomes.
-- Returns the outcomes: one msgpack blob, flat: first seq, then 9 values for each (some of them no decisions, without a seq).
for i = 1, dirtied do
  local p = dirty[i]
  if not (p.available >= 0 and p.reserved >= 0 and p.available % 1 == 0) then corrupt('would be negative: ' .. p.key) end
end

local puts, scores, put, scored, drops, undue, entries = {}, {}, 0, 0, {}, {}, {[is - 1] = {}, [is] = {}}
for i = 1, changes do
  local id = changed[i]
  local hold = active[id]
  if hold then
    put = put + 2
    puts[put - 1], puts[put] = id, packed_hold(hold)
    if not hold[HELD_HOME] then
      scored = scored + 2
      scores[scored - 1], scores[scored] = hold[EXPIRES_AT_MS], id
    elseif stored[id] then
      undue[#undue + 1] = id                             -- in this batch a use ended that was due, and the id came anew
    end
  elseif stored[id] then
    drops[#drops + 1] = id
  end
end
for i = 1, remembered do
  local id = fresh[i]
  local list = entries[born[id]]                       -- none: a generation that the clock has passed since
  if list then
    list[#list + 1] = id
    list[#list + 1] = done[id]
  end
end

local opened, arrived = {}, {}
for i = 1, #moved do
  local id = moved[i]
  if opens[id] then
    opened[#opened + 1] = id
    opened[#opened + 1] = pack(opens[id])
  else
    arrived[#arrived + 1] = id
  end
end

local kept, trimmed = {}, {}
for i = 1, #unpublished do
  local batch = unpublished[i]
  if batch[2] <= published then trimmed[#trimmed + 1] = 'o:' .. batch[2] else kept[#kept + 1] = batch end
end
if count > 0 then kept[#kept + 1] = {prev, last} end
if #kept > MAX_UNPUBLISHED then corrupt('too many batches are not published') end
local blob, batches, seen, unsaid = pack(outcomes), pack(kept)
if stamps_raised then seen, unsaid = packed_stamps() end

local function write_pieces(command, key, list)
  for i = 1, #list, PIECE do call(command, key, unpack(list, i, min(i + PIECE - 1, #list))) end
end

for i = 1, dirtied do
  local p = dirty[i]
  local total = p.available + p.reserved
  if total == p.total then                             -- a field less is 4 % of a reserve
    call('HSET', p.key, 'available', p.available, 'reserved', p.reserved, 'version', p.version)
  else
    call('HSET', p.key, 'available', p.available, 'reserved', p.reserved, 'total', total, 'version', p.version)
  end
end
write_pieces('HSET', RES, puts)
write_pieces('ZADD', DUE, scores)
write_pieces('HDEL', RES, drops)
write_pieces('ZREM', DUE, drops)
write_pieces('ZREM', DUE, undue)
write_pieces('HSET', OPEN, opened)
write_pieces('HDEL', OPEN, arrived)
for g = is - 1, is do write_pieces('HSET', GENERATION .. g, entries[g]) end
for g = was - 1, min(was, is - 2) do call('UNLINK', GENERATION .. g) end
write_pieces('HDEL', GATE, trimmed)
if record_offset ~= '' then
  call('HSET', GATE, 'record_offset', record_offset, 'record_hash', record_hash, 'record_ms', record_ms)
end
if count > 0 then call('HSET', GATE, 'o:' .. last, blob) end
if stamps_raised then call('HSET', GATE, 'seen', seen, 'unsaid', unsaid) end
call('HSET', GATE, 'unpublished', batches, 'seq', seq + (said - 1) / 9 - silent, 'clock', clock, 'offset', last)
return blob
