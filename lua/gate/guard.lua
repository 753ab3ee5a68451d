-- guard: decides nothing twice and nothing early.
-- Reads the mark in gate:{p}; writes nothing.
-- Ends with MISSING (no mark, which is never treated as 0), RULES n (state of other rules), ALREADY mark (the mark is
-- beyond prev: decided before), GAP mark (the mark is behind prev: something was left out).
local prev, last = whole(ARGV[3], -1, MAX_EXACT, 'prev'), whole(ARGV[4], -1, MAX_EXACT, 'last')
local published = whole(ARGV[5], -1, MAX_EXACT, 'published')

local head = call('HMGET', GATE, 'offset', 'rules', 'seq', 'clock', 'window_ms', 'sweep_limit', 'unpublished', 'seen', 'unsaid')
if not head[1] then return {'MISSING'} end
local rules = whole(head[2], 0, MAX_EXACT, 'rules of the state')
if rules ~= RULES then return {'RULES', rules} end
local mark = whole(head[1], -1, MAX_EXACT, 'offset of the state')
if mark > prev then return {'ALREADY', mark} end
if mark < prev then return {'GAP', mark} end

local seq = whole(head[3], 0, MAX_EXACT, 'seq of the state')
local clock = whole(head[4], 0, MAX_MS, 'clock of the state')                 -- ms; runs on in the decide phase
local window_ms = whole(head[5], 1, MAX_MS, 'window_ms of the state')
local sweep_limit = whole(head[6], 1, PIECE, 'sweep_limit of the state')      -- holds that one sweep ends at most
local unpublished = head[7] and decode(head[7]) or {}                         -- {{prev, last}, ...}, oldest first
