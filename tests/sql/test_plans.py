"""The writer's plans: whatever the tables held when they were made, each reads by key, once per row of the window."""

import psycopg
import pytest

from onhand.sql import packing
from onhand.sql.ledger import _LEVELS, _SESSION
from onhand.sql.parameters import WRITE, parameters, places
from tests.decided import Deciding, window
from tests.scenarios import command, moved, of, reserve, uid
from tests.sql.conftest import Rows

OPEN_REORDERS = """
INSERT INTO reorders (reorder_id, sku_id, warehouse_id, suggested_quantity, reorder_point, opened_at, partition)
SELECT gen_random_uuid(), 'S' || n, 1, 5, 1, now(), 0 FROM generate_series(1 + %s, %s) n
"""


def filled(rows: Rows, count: int) -> None:
    """Tables with so many rows, and what the planner knows of them."""
    rows("INSERT INTO inventory SELECT 'S' || n, 1, n, 0, n, 0, 1, now(), 0, 0 FROM generate_series(1, %s) n", count)
    rows("INSERT INTO reservations SELECT gen_random_uuid(), 'S' || n, 1, 1, NULL, now(), 'active', NULL, 0, NULL, NULL,"
         " 0, 0 FROM generate_series(1, %s) n", count)  # fmt: skip
    rows(OPEN_REORDERS, 0, count)
    for table in ("inventory", "reservations", "reservation_reuses", "reorders"):
        rows(f"VACUUM ANALYZE {table}")


@pytest.mark.parametrize("count", [0, 1, 60, 5_000])
def test_every_table_is_read_by_its_key(dsn: str, rows: Rows, count: int) -> None:
    filled(rows, count)
    rows("INSERT INTO ledger_partitions (partition, topic_id, seq, source_offset, decisions_offset, clock_ms, window_ms,"
         " sweep_limit, rules) VALUES (0, 't', 0, -1, 0, 0, 10, 1, 1)")  # fmt: skip
    rows(OPEN_REORDERS, count, count + 1)  # so that what was received is looked at, too
    said: list[str] = []
    with psycopg.connect(dsn, autocommit=True, options=_SESSION) as connection:
        packing.register(connection)
        connection.add_notice_handler(lambda notice: said.append(notice.message_primary or ""))
        connection.execute("LOAD 'auto_explain'")
        for setting in ("log_min_duration = 0", "log_nested_statements = on", "log_level = notice"):
            connection.execute(f"SET auto_explain.{setting}".encode())
        decisions = Deciding()(
            moved("receive", 1, 9), reserve(2, 1), command("set_reorder", 3, reorder_point=20, reorder_quantity=1),
            reserve(4, 99), of("extend", 5, 2, ttl_ms=9_000), of("commit", 6, 2),
        )  # fmt: skip
        for of_earlier_hold in decisions[4:]:
            of_earlier_hold["reservation_id"] = uid(50)
        connection.execute(WRITE, parameters(window(decisions), forced=True), prepare=True)
        connection.execute(_LEVELS, places(["CLOCK:1"]))
    assert sum("UPDATE reorders" in text for text in said) == 2
    plans = [text.splitlines() for text in said if "plan:" in text]
    tables = {line.split(" on ")[1].split()[0] for plan in plans for line in plan if " Scan" in line and " on " in line}
    named = {"inventory", "reservations", "reservation_reuses", "ledger_partitions", "refused_units", "reorders"}
    assert named <= tables
    for plan in plans:
        for line, following in zip(plan, [*plan[1:], ""], strict=True):
            if " Scan" in line and not any(f"{of} Scan" in line for of in ("Function", "CTE", "Subquery")):
                assert "Index" in line, "\n".join(plan)
                assert "Index Cond" in following, "\n".join(plan)
