#!lua flags=allow-oom
-- lock_extend: a holder's keys live for another ttl, if all of them are still its own.
--   KEYS  lock:inv:SKU:warehouse strings, 1..
--   ARGV  value (holder:random), ttl_ms
-- Returns 1; 0 where one of them is gone or another's, and nothing is changed.
local value, ttl_ms = ARGV[1], ARGV[2]

for _, key in ipairs(KEYS) do
  if redis.call('GET', key) ~= value then return 0 end
end
for _, key in ipairs(KEYS) do redis.call('PEXPIRE', key, ttl_ms) end
return 1
