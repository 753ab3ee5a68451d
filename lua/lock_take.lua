#!lua
-- lock_take: this node's vote for a holder, for all keys or for none.
--   KEYS  lock:inv:SKU:warehouse strings, 1..
--   ARGV  value (holder:random), ttl_ms
-- Returns 1; or, where somebody else holds one of them, {its number among KEYS, from 1, and its value}.
local value, ttl_ms = ARGV[1], ARGV[2]

for number, key in ipairs(KEYS) do
  local there = redis.call('GET', key)
  if there and there ~= value then return {number, there} end
end
for _, key in ipairs(KEYS) do redis.call('SET', key, value, 'NX', 'PX', ttl_ms) end
return 1
