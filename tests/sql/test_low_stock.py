"""`low_stock` follows the crossings of the reorder point, whatever windows they come in."""

import random

from onhand.sql.ledger import Ledger
from tests.decided import Deciding, window, windows
from tests.scenarios import command, moved, reserve
from tests.sql.conftest import Rows

LOW = "SELECT sku_id, warehouse_id FROM low_stock ORDER BY 1, 2"
JUDGED = "SELECT sku_id, warehouse_id FROM inventory WHERE reorder_point > 0 AND available_qty <= reorder_point ORDER BY 1, 2"


async def test_a_position_falls_and_rises(ledger: Ledger, rows: Rows) -> None:
    decide = Deciding()
    await ledger.write(
        window(decide(moved("receive", 1, 9), command("set_reorder", 2, reorder_point=5, reorder_quantity=1)))
    )
    assert rows(LOW) == []
    await ledger.write(window(decide(reserve(3, 4))))
    assert len(rows(LOW)) == 1
    await ledger.write(window(decide(reserve(4, 1))))
    assert len(rows(LOW)) == 1
    await ledger.write(window(decide(moved("receive", 5, 9))))
    assert rows(LOW) == []
    await ledger.write(window(decide(command("set_reorder", 6, reorder_point=100, reorder_quantity=1))))
    assert len(rows(LOW)) == 1
    await ledger.write(window(decide(command("set_reorder", 7, reorder_point=0, reorder_quantity=1))))
    assert rows(LOW) == []


async def test_it_is_what_is_low_after_any_window(ledger: Ledger, rows: Rows) -> None:
    dice, decide, seen = random.Random(11), Deciding(), 0
    bodies = []
    for number in range(1, 600):
        verb = dice.choice(["receive", "ship", "ship", "set_reorder"])
        where = {"sku_id": f"S{dice.randrange(6)}"}
        if verb == "set_reorder":
            bodies.append(command(verb, number, reorder_point=dice.randrange(12), reorder_quantity=5) | where)
        else:
            bodies.append(moved(verb, number, dice.randrange(1, 7)) | where)
    for cut in windows(decide(*bodies), dice, 12):
        await ledger.write(cut)
        assert rows(LOW) == rows(JUDGED)
        seen = max(seen, len(rows(LOW)))
    assert seen > 2
