"""`onhand status`: what runs, and how far gate and ledger are in the log."""

import asyncio
import json
from pathlib import Path
from typing import Any

from onhand.deploy.stack.children import started_at
from onhand.deploy.stack.reach import settings_at
from onhand.deploy.stack.state import read_json

_TIMEOUT_S = 10.0


def processes(state: Path) -> dict[str, dict[str, Any]]:
    """`{name: {pid, state}}` of the parts on this machine; one whose process is gone is `dead`."""
    run = state / "run.json"
    parts = read_json(run)["parts"] if run.exists() else {}
    return {
        name: {"pid": part["pid"], "state": part["state"] if started_at(part["pid"]) == part["started"] else "dead"}
        for name, part in parts.items()
    }


def partitions(state: Path) -> list[dict[str, Any]]:
    """`{partition, end_offset, gate_offset, ledger_offset, alarm}` of each partition that was born.

    Offsets are the next to be read, equal when all is done; None where the gate has no mark.
    Raises StackError or Retryable where a server is away.
    """
    return asyncio.run(_partitions(state))


def requests(state: Path) -> list[dict[str, Any]]:
    """Why the router stands still: `{partition, code, message, offset}` of each partition of the requests that has an alarm."""
    return asyncio.run(_requests(state))


def show(
    running: dict[str, dict[str, Any]], rows: list[dict[str, Any]], requests: list[dict[str, Any]], as_json: bool
) -> None:
    """Print them, as JSON or as tables."""
    if as_json:
        print(json.dumps({"processes": running, "partitions": rows, "requests": requests}))
        return
    from rich.console import Console
    from rich.table import Table

    console = Console(highlight=False)
    parts = Table("process", "pid", "state", box=None)
    for name, part in running.items():
        parts.add_row(name, str(part["pid"]), part["state"])
    console.print(parts)
    offsets = Table("partition", "log end", "gate", "ledger", "lag", "alarm", box=None)
    for row in rows:
        alarm = row["alarm"] and f"{row['alarm']['code']} at {row['alarm']['offset']}: {row['alarm']['message']}"
        lag = row["end_offset"] - min(row["gate_offset"] or 0, row["ledger_offset"])
        words = (row["partition"], row["end_offset"], row["gate_offset"], row["ledger_offset"], lag, alarm or "")
        offsets.add_row(*map(str, words))
    console.print(offsets)
    for alarm in requests:
        console.print(f"requests {alarm['partition']}: {alarm['code']} at {alarm['offset']}: {alarm['message']}")


async def _partitions(state: Path) -> list[dict[str, Any]]:
    from onhand.lua.gate import connect
    from onhand.sql.ledger import Ledger

    settings = settings_at(state)
    gate, ledger = connect(settings.redis.get_secret_value()), Ledger(settings.postgres.get_secret_value())
    try:
        await ledger.open()
        # in this order, so that none is ahead of what it follows
        rows = await ledger.partitions()
        marks = [await gate.mark(row.partition) for row in rows]
        alarms = [await gate.alarm(row.partition) or await ledger.alarm(row.partition) for row in rows]
        ends = await asyncio.to_thread(_log_ends, settings.broker, [row.partition for row in rows])
    finally:
        await ledger.close()
        await gate.close()
    return [_row(*of_one) for of_one in zip(rows, marks, alarms, ends, strict=True)]


async def _requests(state: Path) -> list[dict[str, Any]]:
    from onhand.sql.pool import Pool
    from onhand.sql.requests import request_alarms

    pool = Pool(settings_at(state).postgres.get_secret_value(), connections=1)
    try:
        await pool.open()
        return [alarm._asdict() for alarm in await request_alarms(pool)]
    finally:
        await pool.close()


def _row(row: Any, mark: Any, alarm: Any, end_offset: int) -> dict[str, Any]:
    """The ledger hears of decisions alone: when it has the gate's last, it is where the gate is."""
    gate_offset = mark.offset + 1 if mark else None
    return {
        "partition": row.partition,
        "end_offset": end_offset,
        "gate_offset": gate_offset,
        "ledger_offset": gate_offset if mark and row.seq == mark.seq else row.source_offset + 1,
        "alarm": alarm and {"code": alarm.code, "message": alarm.message, "offset": alarm.offset},
    }


def _log_ends(broker: Any, numbers: list[int]) -> list[int]:
    from confluent_kafka import KafkaException, TopicPartition
    from confluent_kafka.admin import AdminClient, OffsetSpec

    from onhand.schemas.faults import Retryable
    from onhand.schemas.topics import COMMANDS

    admin = AdminClient(broker.librdkafka() | {"log_level": 0})
    latest = OffsetSpec.latest()  # type: ignore[no-untyped-call]
    wanted = {TopicPartition(COMMANDS, number): latest for number in numbers}
    try:
        found = admin.list_offsets(wanted, request_timeout=_TIMEOUT_S) if wanted else {}
        return [found[TopicPartition(COMMANDS, number)].result().offset for number in numbers]
    except KafkaException as fault:
        raise Retryable(f"Kafka is away: {fault.args[0].str()}") from fault
