"""The router role: the lane on real servers."""

import asyncio

from onhand.agents.inbox import Inbox
from onhand.agents.kafka.commits import GroupCommits
from onhand.agents.role import Resources, Role
from onhand.agents.router.finder import Finder
from onhand.agents.router.lane import RouterLane, World
from onhand.agents.router.topic import RequestsTopic
from onhand.agents.shared import Shared
from onhand.agents.topics import describe
from onhand.lua.gate import Gate, connect
from onhand.schemas.faults import Corrupt, Retryable
from onhand.schemas.topics import COMMANDS, REQUESTS
from onhand.sql.pool import Pool
from onhand.sql.requests import RequestAlarms


async def router_role(resources: Resources) -> Role:
    """Passes `inventory.requests` on. `Retryable` where a server is away, `Corrupt` where the partition count was changed."""
    settings = resources.settings
    gate, pool = connect(settings.redis.get_secret_value()), Pool(settings.postgres.get_secret_value())
    partitions = await _partitions(resources, gate)
    await pool.open()
    topic = RequestsTopic(settings.broker, pool)
    committed = GroupCommits(settings.broker, resources.group, REQUESTS)
    world = World(
        find=Finder(gate, pool, partitions),
        committed=committed,
        generation=Shared(topic.generation, resources.clock),
        stamped=lambda source: gate.stamped(source, partitions),
        log=resources.log,
        publisher=resources.publisher,
        keyring=settings.keyring,
        partitions=partitions,
        probe=resources.probe,
    )

    def work(partition: int, inbox: Inbox) -> RouterLane:
        return RouterLane(partition, inbox, world)

    async def watermark(partition: int) -> int | None:
        following = await committed(partition)
        return None if following is None else following - 1

    async def close() -> None:
        await committed.close()
        await pool.close()
        await gate.close()

    return Role(REQUESTS, work, RequestAlarms(pool), watermark, close, watch=lambda: topic.watch(resources.clock))


async def _partitions(resources: Resources, gate: Gate) -> int:
    """How many partitions the commands have: as many as the stock was put into, or a position would be looked for elsewhere."""
    topic, mark = await asyncio.to_thread(describe, resources.settings.broker), await gate.mark(0)
    if topic is None:
        raise Retryable(f"there is no topic {COMMANDS} yet")
    if mark is not None and mark.partitions != topic.partitions:
        raise Corrupt(f"{COMMANDS} has {topic.partitions} partitions, the stock was put into {mark.partitions}")
    return topic.partitions
