-- names: what KEYS, ARGV, columns and numbers are called in all the fragments of the gate.
-- The fragments are joined into one script (lua/scripts.py says in which order), so a local of one is seen by all after it.
--   KEYS  gate:{p} hash, res:{p} hash (id -> hold), due:{p} sorted set (id by expires_at_ms), open:{p} hash (id -> transfer)
--   ARGV  prefix of positions, prefix of generations, prev, last, published (offsets), record_offset, record_hash,
--         record_ms (all three empty: no record), rows (msgpack, column by column)
-- Quantities are units, times are epoch milliseconds.
local GATE, RES, DUE, OPEN = KEYS[1], KEYS[2], KEYS[3], KEYS[4]
local INV, GENERATION = ARGV[1], ARGV[2]
local call, pack, decode = redis.call, cmsgpack.pack, cmsgpack.unpack
local floor, min, sort, type, unpack = math.floor, math.min, table.sort, type, unpack

local RULES = 3                       -- of these scripts; state that was made by other rules is refused
local PIECE = 4000                    -- arguments of one variadic call (unpack ends at 8,000)
local MAX_TOTAL = 2000000000          -- units of a position
local MAX_QUANTITY = 1000000000       -- units of a movement
local MAX_FOLDED = 100000000000       -- units of a reserve whose lines were folded into one
local MAX_TTL_MS = 86400000
local MAX_MS = 100000000000000        -- 14 digits: Lua prints longer numbers as 1e+15
local MAX_EXACT = 9007199254740991    -- 2^53 - 1
local MAX_UNPUBLISHED = 1000          -- batches

local COLUMNS = 22                    -- of a row
-- ops
local OP_INVALID, OP_RESERVE, OP_EXTEND, OP_COMMIT, OP_RELEASE, OP_RECEIVE = 0, 1, 2, 3, 4, 5
local OP_RETURN, OP_SHIP, OP_ADJUST, OP_SET_REORDER, OP_COUNT, OP_TRANSFER, OP_ARRIVE = 6, 7, 8, 9, 10, 11, 12
local OP_ORDER, OP_ARRIVAL, OP_UNDO_ORDER, OP_UNDO_TRANSFER, OP_SETTLE = 13, 14, 15, 16, 17
local OP_PASS, OP_UNPLACED, OP_SWEEP = 18, 19, 20
-- columns of a hold (res:{p}); an order's goes on with opened_at_ms, home (a partition, false: here), lines (flat: position,
-- units, line ...; the first two columns are those of the first; stored, a single one is its line alone) and, at the home, the other
-- legs' partitions
local HELD_AT, HELD, EXPIRES_AT_MS, HELD_BODY, HELD_CHANNEL, HELD_ORDER = 1, 2, 3, 4, 5, 6
local HELD_OPENED, HELD_HOME, HELD_LINES, HELD_LEGS = 7, 8, 9, 10
-- columns of what was done (end:{p}:g); of an order (DONE_AT: its lines) or a transfer opened_at_ms and short follow
local DONE_BODY, DONE_CODE, DONE_QUANTITY, DONE_ENDED, DONE_AT, DONE_OPENED, DONE_SHORT = 1, 2, 3, 4, 5, 6, 7
-- columns of a dispatched transfer at its destination (open:{p})
local OPEN_BODY, OPEN_OPENED, OPEN_SHIPPED, OPEN_ARRIVED, OPEN_SOURCE, OPEN_AT = 1, 2, 3, 4, 5, 6
-- outcomes, in order of precedence (onhand.schemas.outcomes)
local INVALID, ID_REUSED, UNKNOWN_RESERVATION, UNKNOWN_TRANSFER = 0, 1, 2, 3
local ALREADY_COMMITTED, ALREADY_RELEASED, ALREADY_EXPIRED, ALREADY_ARRIVED = 4, 5, 6, 7
local LIMIT_EXCEEDED, COUNT_BELOW_RESERVED, INSUFFICIENT_STOCK = 8, 10, 12
local RESERVED, EXTENDED, COMMITTED, RELEASED, EXPIRED, APPLIED = 13, 14, 15, 16, 17, 18
local REPLAYED = 64                   -- added to the earlier outcome of a repeat
-- what stands among the outcomes and is no decision: stamps that were seen, and what is to be sent to other partitions (a hop only
-- where a repeat travels)
local SEEN, HOP, ARRIVAL, UNDO, SETTLE, PASS = 128, 129, 130, 131, 132, 133
local STAMPED = 256                   -- added to the outcome of a slip that tells its own stamp and no other

-- Ends the script with nothing written: every use stands before the first write.
local function corrupt(what)
  error({err = 'CORRUPT ' .. what})
end

-- x as a whole number of lo .. hi (Lua's numbers are doubles, and tonumber takes "nan", "0x10", "1e3")
local function whole(x, lo, hi, what)
  local n = type(x) == 'string' and x:find('^%-?%d+$') and tonumber(x) or x
  if type(n) ~= 'number' or n % 1 ~= 0 or n < lo or n > hi then corrupt(what) end
  return n
end
