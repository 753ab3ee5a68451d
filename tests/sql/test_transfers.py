"""Rows of transfers whose id two sources use at once, which no gate can know."""

import json

import pytest

from onhand.schemas.partitioner import partition_of
from onhand.sql.ledger import Ledger
from onhand.sql.rows import Settings
from tests.decided import window
from tests.legs_world import PARTITIONS, World, sku_in
from tests.scenarios import SWEEP_LIMIT, WINDOW_MS, moved, uid
from tests.sql.conftest import Rows
from tests.sql.test_audit_legs import audited

SKU = next(
    sku
    for sku in (sku_in(0, n) for n in range(100))
    if partition_of(f"{sku}:2", PARTITIONS) == 1 and partition_of(f"{sku}:3", PARTITIONS) == 2
)
"""Its warehouses 1, 2 and 3 are in partitions 0, 1 and 2."""
_ROWS = "SELECT source_warehouse, dest_warehouse, shipped, arrived, status::text FROM transfers ORDER BY 1"


def say(world: World, kind: str, number: int, warehouse_id: int, units: int, **fields: object) -> None:
    """A command, and all that follows from it where nobody is away."""
    wish = moved(kind, number, units, sku_id=SKU, warehouse_id=warehouse_id) | fields
    world.append(partition_of(f"{SKU}:{warehouse_id}", PARTITIONS), json.dumps(wish).encode())


@pytest.mark.parametrize(("mode", "arrived", "status"), [("dispatch", 1, "open"), ("instant", 4, "ended")])
async def test_two_sources_that_use_one_id_in_the_same_millisecond_have_a_row_each(
    ledger: Ledger, rows: Rows, dsn: str, mode: str, arrived: int, status: str
) -> None:
    """Warehouses 1 and 3 send to 2, which takes the first one's and refuses the other's."""
    world = World(WINDOW_MS, SWEEP_LIMIT, now=1_000_000)
    say(world, "receive", 1, 1, 10)
    say(world, "receive", 2, 3, 10)
    world.until_quiet()
    say(world, "transfer", 9, 1, 4, to_warehouse_id=2, mode=mode)
    say(world, "transfer", 9, 3, 3, to_warehouse_id=2, mode=mode)
    world.until_quiet()
    say(world, "arrive", 10, 2, 1, transfer_id=uid(9), final=False)
    world.until_quiet()
    rows("TRUNCATE ledger_partitions CASCADE")
    for partition, told in enumerate(world.told):
        await ledger.birth(partition, "topic", Settings(WINDOW_MS, SWEEP_LIMIT, 1))
        await ledger.write(window([decision for decisions in told for decision in decisions], partition))
    assert rows(_ROWS) == [(1, 2, 4, arrived, status), (3, 2, 3, 0, "undone")]
    assert audited(dsn, world).differences == []
