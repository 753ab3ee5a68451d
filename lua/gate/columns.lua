-- columns: the rows of ARGV, as a table for each column: row r is ops[r], offsets[r], ...
-- Columns and not rows: a table for each row would cost more than what is decided about it. Writes nothing. Leaves them and `count`.
local decoded, columns = pcall(decode, ARGV[9])
if not decoded or type(columns) ~= 'table' or #columns ~= COLUMNS then corrupt('rows: no msgpack array of columns') end
local nothing = {}
for c = 1, COLUMNS do
  if columns[c] == false then columns[c] = nothing end  -- no row has anything there
  if type(columns[c]) ~= 'table' then corrupt('rows: a column is no array') end
end
local ops, offsets, times, ids, positions, quantities, bodies, reservation_ids, ttls, channels, order_ids = unpack(columns, 1, 11)
local from_partitions, from_offsets, from_indexes, opened_at, expiries, agains, lines_at, more_lines, homes, legs, slips =
  unpack(columns, 12, COLUMNS)
local count = #ops
if #offsets ~= count or #times ~= count then corrupt('rows: columns of different lengths') end
