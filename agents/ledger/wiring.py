"""The ledger role: the lane on real servers."""

from onhand.agents.inbox import Inbox
from onhand.agents.ledger.lane import LedgerLane, World
from onhand.agents.role import Resources, Role
from onhand.schemas.topics import DECISIONS
from onhand.sql.ledger import Ledger

_BREATH_S = 0.02
"""A fifth of a window."""


async def ledger_role(resources: Resources) -> Role:
    """Writes `inventory.decisions` into PostgreSQL."""
    ledger = Ledger(resources.settings.postgres.get_secret_value())
    await ledger.open()
    world = World(
        store=ledger,
        log=resources.log,
        publisher=resources.publisher,
        clock=resources.clock,
        keyring=resources.settings.keyring,
        probe=resources.probe,
    )

    def work(partition: int, inbox: Inbox) -> LedgerLane:
        return LedgerLane(partition, inbox, world)

    async def watermark(partition: int) -> int | None:
        row = await ledger.mark(partition)
        return row.decisions_offset - 1 if row else None

    return Role(DECISIONS, work, ledger, watermark, ledger.close, _BREATH_S)
