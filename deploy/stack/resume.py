"""`onhand resume`: lets a partition that an alarm stopped go on."""

import asyncio
from pathlib import Path

from onhand.deploy.stack.reach import settings_at


def clear(state: Path, partition: int) -> bool:
    """Clear the alarms of gate and ledger; False where there was none. A lane looks for it by itself."""
    return asyncio.run(_clear(state, partition))


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
