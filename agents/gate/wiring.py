"""The gate role: the lane on real servers."""

import asyncio

from onhand.agents.gate.lane import GateLane, World
from onhand.agents.inbox import Inbox
from onhand.agents.role import Resources, Role
from onhand.agents.shared import Shared
from onhand.agents.topics import CommandTopic, describe
from onhand.lua.format import Alarm as StoredAlarm
from onhand.lua.gate import Gate, connect
from onhand.schemas.faults import Corrupt
from onhand.schemas.topics import COMMANDS


class _GateAlarms:
    """Alarms of gate lanes live beside the state that they are about."""

    def __init__(self, gate: Gate) -> None:
        self._gate = gate

    async def raise_alarm(self, partition: int, code: str, message: str, offset: int) -> None:
        await self._gate.raise_alarm(partition, StoredAlarm(code, message, offset))

    async def alarmed(self, partition: int) -> bool:
        return await self._gate.alarm(partition) is not None


async def _refuse_other_partitions(gate: Gate, topic: CommandTopic | None) -> None:
    """A topic whose partition count was changed puts positions elsewhere: nobody may start to decide then."""
    mark = await gate.mark(0)
    if mark is not None and topic is not None and mark.partitions != topic.partitions:
        raise Corrupt(f"{COMMANDS} has {topic.partitions} partitions, the stock was put into {mark.partitions}")


async def gate_role(resources: Resources) -> Role:
    """Decides `inventory.commands`. `Retryable` where a server is away, `Corrupt` where the partition count was changed."""
    settings = resources.settings
    gate = connect(settings.redis.get_secret_value())

    async def look() -> CommandTopic | None:
        return await asyncio.to_thread(describe, settings.broker)

    describe_topic = Shared(look, resources.clock)
    await _refuse_other_partitions(gate, await describe_topic())
    world = World(
        store=gate,
        log=resources.log,
        publisher=resources.publisher,
        clock=resources.clock,
        describe_topic=describe_topic,
        keyring=settings.keyring,
        probe=resources.probe,
    )

    def work(partition: int, inbox: Inbox) -> GateLane:
        return GateLane(partition, inbox, world)

    return Role(COMMANDS, work, _GateAlarms(gate), gate.offset, gate.close)
