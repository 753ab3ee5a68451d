"""The yardstick: a Faust agent as Faust's documentation teaches it, one EVALSHA and one decision record for each command.

It keeps no watermark, stores no outcomes and remembers no ids beyond its reservations, so it does less than the gate and loses
decisions in a crash. Run as a process of its own: `python -m onhand.deploy.bench.plain`.
"""

import json
import os

import faust
from redis.asyncio import Redis

TOPIC = "bench.plain.decisions"
GROUP = "onhand-bench-plain"

_SCRIPT = """
local stock, quantity = KEYS[1], tonumber(ARGV[3])
local available = tonumber(redis.call('HGET', stock, 'available') or 0)
if ARGV[1] == 'receive' then
  available = redis.call('HINCRBY', stock, 'available', quantity)
  redis.call('HINCRBY', stock, 'total', quantity)
  return {'applied', available}
end
if redis.call('HEXISTS', KEYS[2], ARGV[2]) == 1 then return {'reserved', available} end
if available < quantity then return {'insufficient_stock', available} end
redis.call('HINCRBY', stock, 'available', -quantity)
redis.call('HINCRBY', stock, 'reserved', quantity)
redis.call('HINCRBY', stock, 'version', 1)
redis.call('HSET', KEYS[2], ARGV[2], quantity)
return {'reserved', available - quantity}
"""

app = faust.App(
    GROUP,
    broker=f"kafka://{os.environ.get('ONHAND_KAFKA', '127.0.0.1:9092')}",
    store="memory://",
    web_enabled=False,
    autodiscover=False,
    topic_disable_leader=True,
)
commands = app.topic("inventory.commands", key_type=bytes, key_serializer="raw", value_serializer="json")
decisions = app.topic(TOPIC, key_type=bytes, key_serializer="raw", value_serializer="raw")


@app.agent(commands)
async def decide(stream):  # type: ignore[no-untyped-def]  # as the documentation has it
    """Decide each command as it comes."""
    redis = Redis.from_url(os.environ.get("ONHAND_REDIS", "redis://127.0.0.1:6379/0"))
    sha = await redis.script_load(_SCRIPT)
    async for command in stream:
        position = f"{command['sku_id']}:{command['warehouse_id']}"
        outcome, available = await redis.evalsha(
            sha,
            2,
            f"plain:inv:{position}",
            f"plain:res:{position}",
            command["type"],
            command["id"],
            command["quantity"],
        )
        decision = {"id": command["id"], "outcome": outcome.decode(), "available_qty": available, **command}
        await decisions.send(key=position.encode(), value=json.dumps(decision).encode())


if __name__ == "__main__":
    faust.Worker(app, loglevel="warning").execute_from_commandline()
