"""What a worker exports: how far its partitions are behind, and which of them stand still."""

import asyncio

import structlog
from prometheus_client import Gauge

from onhand.agents.lanes import Lanes
from onhand.agents.role import Resources, Role
from onhand.schemas.faults import Corrupt, Retryable

log = structlog.get_logger("meter")

_LAG = Gauge("onhand_partition_lag", "Records in the log behind the watermark", ["role", "partition"])
_ALARM = Gauge("onhand_partition_alarm", "1 where the partition stands still with an alarm", ["role", "partition"])
_EVERY_S = 1.0


async def meter(name: str, role: Role, resources: Resources, lanes: Lanes) -> None:
    """Measure once a second, until cancelled. Lag is log end minus watermark: committed offsets are not the truth."""
    while True:
        await resources.clock.sleep(_EVERY_S)
        try:
            await _measure(name, role, resources, lanes.partitions)
        except (Retryable, Corrupt) as fault:
            log.warning("cannot measure now", fault=str(fault))


async def _measure(name: str, role: Role, resources: Resources, partitions: list[int]) -> None:
    ends = await resources.log.ends(role.topic, partitions) if partitions else {}
    marks = await asyncio.gather(*(role.watermark(partition) for partition in partitions))
    _LAG.clear()
    _ALARM.clear()
    for partition, mark in zip(partitions, marks, strict=True):
        if mark is not None:
            _LAG.labels(name, partition).set(max(0, ends[partition] - mark - 1))
        _ALARM.labels(name, partition).set(int(await role.alarms.alarmed(partition)))
