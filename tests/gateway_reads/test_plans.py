"""The plans of the gateway's reads: each reads by an index and no further than its page, however much there is."""

from collections.abc import Iterator
from datetime import date
from typing import Any

import psycopg
import pytest

from onhand.sql import batches, low_stock, movements, reserved, stock, transfers, warehouses
from tests.scenarios import uid
from tests.sql.conftest import Server, _database

Connection = psycopg.Connection[Any]

LIMIT = 101
PAGE = {
    "sku": "S7", "warehouse": 1, "before": "ffffffff-ffff-ffff-ffff-ffffffffffff", "limit": LIMIT,
    "days": [date(2026, 11, 22)],
}  # fmt: skip
QUERIES: dict[str, tuple[str, Any]] = {
    "stock of SKUs": (stock._STOCK, [["S1", "S2", "S3"]]),
    "movements": (movements._PAGE, PAGE),
    "low stock": (low_stock._PAGE, PAGE),
    "reservation": (reserved._LINES, [uid(1)]),
    "warehouses": (warehouses._FIND, [[1, 2, 3]]),
    "arrivals": (transfers._NEXT, [["S1", "S2"], [1, 1]]),
    "on the way": (transfers._PAGE, ["S1", transfers._FIRST, LIMIT]),
    "blocks of a batch": (batches._BETWEEN, [uid(1), 99_000, 101_000]),
}
ROWS = """
INSERT INTO inventory SELECT 'S' || n, 1, 1, 0, 1, 5, 1, now(), 0, n % 8 FROM generate_series(1, 20000) n;
INSERT INTO low_stock SELECT 'S' || n, 1 FROM generate_series(1, 20000) n;
INSERT INTO stock_movements SELECT gen_random_uuid(), 'S' || n % 20, CASE WHEN n % 2 = 0 THEN n % 3 + 1 END,
    CASE WHEN n % 2 = 1 THEN n % 3 + 1 END, 1, (CASE WHEN n % 2 = 0 THEN 'ship' ELSE 'receive' END)::movement_type,
    NULL, now() FROM generate_series(1, 20000) n;
INSERT INTO refused_units SELECT n % 8, '2026-11-22', 'S' || n, 1, 1 FROM generate_series(1, 20000) n;
INSERT INTO reservations SELECT gen_random_uuid(), 'S' || n, 1, 1, NULL, now(), 'active', NULL, 0, NULL, NULL, 0, 0
    FROM generate_series(1, 20000) n;
INSERT INTO warehouses SELECT n, 'w', 'UTC', ARRAY[1], ARRAY[]::date[], '14:00', 1 FROM generate_series(1, 2000) n;
INSERT INTO transfers SELECT gen_random_uuid(), now(), 'S' || n, 9, 1, 'dispatch', 5, 0, 0, 5, now(), 'open', 1
    FROM generate_series(1, 20000) n;
INSERT INTO batch_blocks SELECT gen_random_uuid(), n, '\\x00000001', '\\x0000000000000001', now() FROM generate_series(1, 10000) n;
INSERT INTO batch_blocks SELECT 'BATCH', n * 1000, '\\x00000001', '\\x0000000000000001', now() FROM generate_series(1, 10000) n;
""".replace("BATCH", uid(1))


@pytest.fixture(scope="module")
def filled(server: Server) -> Iterator[Connection]:
    """A large ledger, for all of these tests."""
    for dsn in _database(server, "template_onhand"):
        with psycopg.connect(dsn, autocommit=True) as connection:
            connection.execute(ROWS.encode())
            connection.execute("VACUUM ANALYZE")
            yield connection


@pytest.mark.parametrize("name", QUERIES)
def test_each_reads_by_an_index_and_no_further_than_its_page(filled: Connection, name: str) -> None:
    query, values = QUERIES[name]
    row = filled.execute(f"EXPLAIN (ANALYZE, FORMAT JSON) {query}".encode(), values).fetchone()
    assert row is not None
    scans = [node for node in nodes(row[0][0]["Plan"]) if "Relation Name" in node or "Index Name" in node]
    assert scans
    for node in scans:
        assert "Seq Scan" not in node["Node Type"], node
        seen = node["Actual Rows"] + node.get("Rows Removed by Filter", 0)
        assert seen * node["Actual Loops"] <= LIMIT, node


def nodes(plan: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """A plan's nodes."""
    yield plan
    for child in plan.get("Plans", ()):
        yield from nodes(child)
