"""Faust, set up for lanes: an app whose one agent hands batches to the lanes of the partitions that this process owns."""

import os
import tempfile
from collections.abc import Awaitable, Callable
from typing import Any

import faust
import structlog
from faust.types import TP

from onhand.agents.inbox import Delivery
from onhand.agents.lanes import Lanes
from onhand.agents.microbatch import App, MicroBatches
from onhand.agents.settings import Kafka

log = structlog.get_logger("worker")

_SESSION_S = 6.0
"""The broker's default floor: so long after a kill -9 do others wait for the dead."""
_HEARTBEAT_S = 1.0


def build(
    kafka: Kafka, group: str, topic: str, lanes: Lanes, assigned: Callable[[], Awaitable[None]], breath_s: float = 0.0
) -> App:
    """The app of a worker in consumer group `group` on `topic`; `assigned` is called when the lanes of an assignment are open.

    Records are taken `breath_s` after they were fetched, with what came meanwhile.
    """
    app = App(
        group,
        broker=";".join(f"aiokafka://{server.strip()}" for server in kafka.servers.split(",")),
        broker_credentials=_credentials(kafka),
        store="memory://",
        # for tables, which we have none of; it makes the folder all the same, and another user's cannot be written
        datadir=f"{tempfile.gettempdir()}/onhand-faust-{os.getuid()}",
        autodiscover=False,
        web_enabled=False,
        topic_allow_declare=False,
        topic_disable_leader=True,
        table_standby_replicas=0,
        ConsumerScheduler=MicroBatches,
        consumer_auto_offset_reset="earliest",
        consumer_max_fetch_size=1 << 20,
        broker_max_poll_records=None,
        broker_session_timeout=_SESSION_S,
        broker_heartbeat_interval=_HEARTBEAT_S,
        broker_rebalance_timeout=30.0,
        broker_commit_interval=0.5,
        broker_commit_every=1_000_000_000,
        stream_buffer_maxsize=16,
        stream_wait_empty=False,
    )
    app.breath_s = breath_s
    source = app.topic(topic, key_serializer="raw", value_serializer="raw", key_type=bytes, value_type=bytes)

    async def deliver(stream: Any) -> None:
        async for event in stream.noack().events():
            await lanes.deliver(event.message.partition, Delivery(event.value, event.ack))

    app.agent(source, name=group)(deliver)
    _follow(app, topic, lanes, assigned)
    return app


def _follow(app: App, topic: str, lanes: Lanes, on_assigned: Callable[[], Awaitable[None]]) -> None:
    """Open lanes for what is assigned, close them for what is revoked; Faust tells of all partitions each time."""

    async def opened(sender: Any, assigned: set[TP], **_: Any) -> None:
        lanes.open(sorted(tp.partition for tp in assigned if tp.topic == topic))
        log.info("partitions assigned", topic=topic, partitions=lanes.partitions)
        await on_assigned()

    async def closed(sender: Any, revoked: set[TP], **_: Any) -> None:
        await lanes.close()
        log.info("partitions revoked", topic=topic)

    async def stopping(sender: Any, **_: Any) -> None:
        await lanes.close()

    app.on_partitions_assigned.connect(opened, weak=False)  # type: ignore[arg-type]
    app.on_partitions_revoked.connect(closed, weak=False)  # type: ignore[arg-type]
    app.on_before_shutdown.connect(stopping, weak=False)  # type: ignore[arg-type]


def _credentials(kafka: Kafka) -> Any:
    options = kafka.aiokafka()
    if kafka.user and kafka.password:
        return faust.SASLCredentials(
            username=kafka.user,
            password=kafka.password.get_secret_value(),
            ssl_context=options.get("ssl_context"),
        )
    return faust.SSLCredentials(options["ssl_context"]) if kafka.tls else None
