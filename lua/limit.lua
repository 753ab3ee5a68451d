#!lua
-- limit: takes tokens out of a caller's bucket, which fills by itself: the rate of calls, shared by all gateways.
--   KEYS  rate:{caller} hash (millitokens, at_ms); gone when it is full again
--   ARGV  per_s (tokens that come in each second), most (tokens that the bucket holds), wanted (tokens),
--         now_ms (of the caller's clock)
-- Returns how many were taken (0 .. wanted), and, where that is none, the milliseconds until there is one.
local bucket = KEYS[1]
local per_s, most, wanted, now_ms = tonumber(ARGV[1]), tonumber(ARGV[2]), tonumber(ARGV[3]), tonumber(ARGV[4])

local kept = redis.call('HMGET', bucket, 'millitokens', 'at_ms')
local full = most * 1000
local millitokens, at_ms = tonumber(kept[1]) or full, tonumber(kept[2]) or now_ms
if now_ms > at_ms then -- a gateway whose clock is behind fills nothing
  millitokens, at_ms = math.min(full, millitokens + (now_ms - at_ms) * per_s), now_ms
end
local taken = math.min(wanted, math.floor(millitokens / 1000))
if taken == 0 then return {0, math.ceil((1000 - millitokens) / per_s)} end
redis.call('HSET', bucket, 'millitokens', millitokens - taken * 1000, 'at_ms', at_ms)
redis.call('PEXPIRE', bucket, math.ceil(full / per_s) + 1000)
return {taken, 0}
