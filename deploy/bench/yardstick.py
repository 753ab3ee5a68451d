"""Runs the plain agent on the data of a load, from where that load begins in the log."""

import signal
import sys
from collections.abc import Sequence

from confluent_kafka import ConsumerGroupTopicPartitions, KafkaException, TopicPartition
from confluent_kafka.admin import AdminClient, NewTopic

from onhand.deploy.bench.cpu import Cpu
from onhand.deploy.bench.ground import Ground, pids
from onhand.deploy.bench.samples import WARM, Span, span, watch
from onhand.deploy.stack.children import Command
from onhand.schemas.topics import COMMANDS

TOPIC, GROUP = "bench.plain.decisions", "onhand-bench-plain"  # those of plain.py, which only its own process imports
_AT_MOST_S = 15.0
_PATIENCE_S = 40.0


def measure_plain(ground: Ground, start: Sequence[int], commands: int) -> Span:
    """So many commands (or as many as 15 s allow) from the offsets `start` on, through the plain agent."""
    _prepare(ground, start)
    before = ground.ends.of(TOPIC)
    command = Command(
        [sys.executable, "-m", "onhand.deploy.bench.plain"], ground.environment, ground.state.root,
        orphan_signal=signal.SIGKILL,
    )  # fmt: skip
    with ground.child(command, "bench-plain") as child:
        cpu = Cpu(pids(ground, [("plain", child)]))

        def done() -> int:
            return ground.ends.since(TOPIC, before)

        watch(done, max(1, int(commands * WARM)), cpu, {"plain": child}, _PATIENCE_S)
        return span(watch(done, commands, cpu, {"plain": child}, _PATIENCE_S, _AT_MOST_S), 0)


def _prepare(ground: Ground, start: Sequence[int]) -> None:
    """Its topic, and its place in the log."""
    admin = AdminClient(ground.settings.broker.librdkafka() | {"log_level": 0})
    try:
        admin.create_topics([NewTopic(TOPIC, num_partitions=ground.partitions, replication_factor=1)])[TOPIC].result()
    except KafkaException as fault:
        if fault.args[0].name() != "TOPIC_ALREADY_EXISTS":
            raise
    places = [TopicPartition(COMMANDS, partition, offset) for partition, offset in enumerate(start)]
    admin.alter_consumer_group_offsets([ConsumerGroupTopicPartitions(GROUP, places)])[GROUP].result()
