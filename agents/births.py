"""`onhand topics`: the topics, and the birth of each partition, which happens once."""

import asyncio

from onhand.agents.settings import Settings
from onhand.agents.topics import CommandTopic, make_topics
from onhand.lua.format import RULES
from onhand.lua.gate import Gate, connect
from onhand.sql.ledger import Ledger
from onhand.sql.rows import Settings as PartitionSettings


def ensure(settings: Settings) -> CommandTopic:
    """Make what is missing of topics and first marks; the command topic. Doing it again changes nothing. Blocks.

    `Retryable` where a server is away, `Corrupt` where what is there cannot be right.
    """
    topic = make_topics(settings)
    asyncio.run(_births(settings, topic))
    return topic


async def _births(settings: Settings, topic: CommandTopic) -> None:
    gate = connect(settings.redis.get_secret_value())
    ledger = Ledger(settings.postgres.get_secret_value())
    try:
        await ledger.open()
        for partition in range(topic.partitions):
            await _birth(partition, settings, topic, gate, ledger)
    finally:
        await ledger.close()
        await gate.close()


async def _birth(partition: int, settings: Settings, topic: CommandTopic, gate: Gate, ledger: Ledger) -> None:
    """The gate's mark first, the ledger's row last: only a partition without a row, or with nothing in it, may be born.

    A gate that lost a partition the ledger has seen decisions of is left without a mark: it must be rebuilt, not born.
    """
    row = await ledger.partition(partition)
    if row is None:
        await gate.birth(partition, topic.topic_id, topic.partitions, settings.window_ms, settings.sweep_limit)
        await ledger.birth(
            partition, topic.topic_id, PartitionSettings(settings.window_ms, settings.sweep_limit, RULES)
        )
    elif row.seq == 0:
        window_ms, sweep_limit, _ = row.settings
        await gate.birth(partition, row.topic_id, topic.partitions, window_ms, sweep_limit)
