#!lua
-- birth: the first mark of a partition, written once.
--   KEYS  gate:{p} hash
--   ARGV  topic_id, partitions (of the topic), window_ms, sweep_limit (holds that one sweep ends at most), rules (version)
-- Returns 1 where it wrote, 0 where a mark was there, which is left as it is.
local gate = KEYS[1]
local topic_id, partitions, window_ms, sweep_limit, rules = ARGV[1], ARGV[2], ARGV[3], ARGV[4], ARGV[5]

if redis.call('HEXISTS', gate, 'offset') == 1 then return 0 end
redis.call('HSET', gate, 'seq', 0, 'clock', 0, 'topic_id', topic_id, 'partitions', partitions, 'rules', rules,
           'window_ms', window_ms, 'sweep_limit', sweep_limit, 'offset', -1)
return 1
