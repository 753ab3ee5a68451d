#!lua flags=allow-oom
-- lock_release: a holder's keys are deleted, another's are not.
--   KEYS  lock:inv:SKU:warehouse strings, 1..
--   ARGV  value (holder:random)
-- Returns how many were deleted.
local value, deleted = ARGV[1], 0

for _, key in ipairs(KEYS) do
  if redis.call('GET', key) == value then deleted = deleted + redis.call('DEL', key) end
end
return deleted
