#!lua
-- limit: takes a token out of a caller's bucket, which fills by itself: the rate of calls, shared by all gateways.
--   KEYS  rate:{caller} hash (millitokens, at_ms); gone when it is full again
--   ARGV  per_s (tokens that come in each second), most (tokens that the bucket holds), now_ms (of the caller's clock)
-- Returns 0 where there was one, else the milliseconds until there is one.
local bucket = KEYS[1]
local per_s, most, now_ms = tonumber(ARGV[1]), tonumber(ARGV[2]), tonumber(ARGV[3])

local kept = redis.call('HMGET', bucket, 'millitokens', 'at_ms')
local full = most * 1000
local millitokens, at_ms = tonumber(kept[1]) or full, tonumber(kept[2]) or now_ms
if now_ms > at_ms then -- a gateway whose clock is behind fills nothing
  millitokens, at_ms = math.min(full, millitokens + (now_ms - at_ms) * per_s), now_ms
end
if millitokens < 1000 then return math.ceil((1000 - millitokens) / per_s) end
redis.call('HSET', bucket, 'millitokens', millitokens - 1000, 'at_ms', at_ms)
redis.call('PEXPIRE', bucket, math.ceil(full / per_s) + 1000)
return 0
