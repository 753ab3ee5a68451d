"""`onhand resume`: lets a partition that an alarm stopped go on, or the router."""

import asyncio
from pathlib import Path

from onhand.deploy.stack.reach import settings_at


def clear(state: Path, partition: int) -> bool:
    """Clear the alarms of gate and ledger; False where there was none. A lane looks for it by itself."""
    return asyncio.run(_clear(state, partition))


def pass_on(state: Path) -> bool:
    """Let the router go on, with the topic of requests that is there now; False where it has no alarm and the topic is not new."""
    return asyncio.run(_pass_on(state))


async def _pass_on(state: Path) -> bool:
    from onhand.agents.topics import admin_at, topic_id_of
    from onhand.schemas.topics import REQUESTS
    from onhand.sql.pool import Pool
    from onhand.sql.requests import clear_request_alarms, take_up

    settings = settings_at(state)
    topic_id = await asyncio.to_thread(topic_id_of, admin_at(settings.broker), REQUESTS)
    pool = Pool(settings.postgres.get_secret_value(), connections=1)
    try:
        await pool.open()
        taken, cleared = await take_up(pool, topic_id), await clear_request_alarms(pool)
    finally:
        await pool.close()
    return taken or cleared


async def _clear(state: Path, partition: int) -> bool:
    from onhand.lua.gate import connect
    from onhand.sql.ledger import Ledger

    settings = settings_at(state)
    gate, ledger = connect(settings.redis.get_secret_value()), Ledger(settings.postgres.get_secret_value())
    try:
        await ledger.open()
        in_gate, in_ledger = await gate.clear_alarm(partition), await ledger.clear_alarms(partition)
    finally:
        await ledger.close()
        await gate.close()
    return in_gate or in_ledger > 0
