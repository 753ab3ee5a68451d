"""The tables: the contract's columns, and constraints that say the invariants by name."""

import psycopg
import pytest

from tests.sql.conftest import Rows

COLUMNS = {
    "inventory": "sku_id warehouse_id available_qty reserved_qty total_qty reorder_point version updated_at",
    "reservations": "reservation_id sku_id warehouse_id quantity order_id expires_at status ended_as line",
    "stock_movements": "movement_id sku_id source_warehouse dest_warehouse quantity movement_type reference_id created_at",
}
KEYS = {
    "inventory": ["sku_id", "warehouse_id"],
    "reservations": ["reservation_id", "line"],
    "stock_movements": ["movement_id"],
}


@pytest.mark.parametrize("table", COLUMNS)
def test_the_contracts_columns_come_first_and_its_keys_hold(rows: Rows, table: str) -> None:
    found = rows(
        "SELECT column_name FROM information_schema.columns WHERE table_name = %s ORDER BY ordinal_position", table
    )
    wanted = COLUMNS[table].split()
    assert [name for (name,) in found][: len(wanted)] == wanted
    key = rows(
        "SELECT a.attname FROM pg_index i JOIN pg_attribute a ON a.attrelid = i.indrelid AND a.attnum = ANY (i.indkey)"
        " WHERE i.indrelid = %s::regclass AND i.indisprimary ORDER BY array_position(i.indkey, a.attnum)",
        table,
    )
    assert [name for (name,) in key] == KEYS[table]


def test_enumerations_are_the_contracts_and_those_of_reorders_and_transfers(rows: Rows) -> None:
    found = rows("SELECT t.typname, array_agg(e.enumlabel ORDER BY e.enumsortorder) FROM pg_type t"
                 " JOIN pg_enum e ON e.enumtypid = t.oid GROUP BY 1 ORDER BY 1")  # fmt: skip
    assert found == [
        ("movement_type", ["receive", "ship", "transfer", "adjust", "return"]),
        ("reorder_status", ["open", "received", "closed"]),
        ("reservation_end", ["committed", "released", "expired"]),
        ("reservation_status", ["active", "committed", "released"]),
        ("transfer_status", ["open", "ended", "undone"]),
    ]


def test_reservations_have_room_for_their_end_and_no_index_but_the_key(rows: Rows) -> None:
    assert rows("SELECT reloptions FROM pg_class WHERE relname = 'reservations'") == [(["fillfactor=50"],)]
    assert rows("SELECT indexname FROM pg_indexes WHERE tablename = 'reservations'") == [("reservations_pkey",)]


INVENTORY = {
    "sku_id": "'A'", "warehouse_id": "1", "available_qty": "3", "reserved_qty": "2", "total_qty": "5", "version": "1",
    "updated_at": "now()", "partition": "0",
}  # fmt: skip
RESERVATION = {
    "reservation_id": "gen_random_uuid()", "sku_id": "'A'", "warehouse_id": "1", "quantity": "1", "expires_at": "now()",
    "status": "'active'", "line": "0", "partition": "0", "home": "0",
}  # fmt: skip
MOVEMENT = {
    "movement_id": "gen_random_uuid()", "sku_id": "'A'", "dest_warehouse": "1", "quantity": "1",
    "movement_type": "'receive'", "created_at": "now()",
}  # fmt: skip
REORDER = {
    "reorder_id": "gen_random_uuid()", "sku_id": "'A'", "warehouse_id": "1", "suggested_quantity": "5",
    "reorder_point": "1", "opened_at": "now()", "partition": "0",
}  # fmt: skip
PARTITION = {
    "partition": "0", "topic_id": "'t'", "seq": "0", "source_offset": "-1", "decisions_offset": "0", "clock_ms": "0",
    "window_ms": "1", "sweep_limit": "1", "rules": "1",
}  # fmt: skip


@pytest.mark.parametrize(
    ("table", "row", "broken", "constraint"),
    [
        ("inventory", INVENTORY, {"available_qty": "-1", "total_qty": "1"}, "inventory_available_is_never_negative"),
        ("inventory", INVENTORY, {"reserved_qty": "-1", "total_qty": "2"}, "inventory_reserved_is_never_negative"),
        ("inventory", INVENTORY, {"total_qty": "6"}, "inventory_total_is_available_and_reserved"),
        ("inventory", INVENTORY, {"version": "-1"}, "inventory_version_is_never_negative"),
        ("inventory", INVENTORY, {"reorder_point": "-1"}, "inventory_reorder_within_limits"),
        ("inventory", INVENTORY, {"warehouse_id": "0"}, "inventory_warehouse_is_well_formed"),
        ("reservations", RESERVATION, {"quantity": "0"}, "reservations_quantity_is_positive"),
        ("reservations", RESERVATION, {"status": "'committed'"}, "reservations_end_fits_status"),
        ("reservations", RESERVATION, {"ended_as": "'expired'", "ended_at": "now()"}, "reservations_end_fits_status"),
        ("reorders", REORDER, {"suggested_quantity": "-1"}, "reorders_units_are_never_negative"),
        ("reorders", REORDER, {"status": "'closed'"}, "reorders_end_fits_status"),
        ("reorders", REORDER, {"closed_at": "now()"}, "reorders_end_fits_status"),
        ("reorders", REORDER, {"status": "'received'", "closed_at": "now()"}, "reorders_received_is_all_of_it"),
        ("stock_movements", MOVEMENT, {"quantity": "-1"}, "stock_movements_quantity_is_positive_unless_adjusted"),
        ("stock_movements", MOVEMENT, {"movement_type": "'ship'"}, "stock_movements_ends_fit_type"),
        ("ledger_partitions", PARTITION, {"seq": "-1"}, "ledger_partitions_watermark_is_sane"),
        ("ledger_partitions", PARTITION, {"window_ms": "0"}, "ledger_partitions_settings_are_positive"),
    ],
)
def test_invariants_have_names(
    rows: Rows, table: str, row: dict[str, str], broken: dict[str, str], constraint: str
) -> None:
    insert(rows, table, row)
    with pytest.raises(psycopg.errors.CheckViolation) as refused:
        insert(rows, table, row | {"warehouse_id": "2"} | broken if table == "inventory" else row | broken)
    assert refused.value.diag.constraint_name == constraint


def test_a_position_has_one_open_reorder_at_most(rows: Rows) -> None:
    insert(rows, "reorders", REORDER)
    insert(rows, "reorders", REORDER | {"status": "'closed'", "closed_at": "now()"})
    insert(rows, "reorders", REORDER | {"warehouse_id": "2"})
    with pytest.raises(psycopg.errors.UniqueViolation, match="reorders_one_open"):
        insert(rows, "reorders", REORDER)


def insert(rows: Rows, table: str, row: dict[str, str]) -> None:
    rows(f"INSERT INTO {table} ({', '.join(row)}) VALUES ({', '.join(row.values())})")


def test_a_total_above_the_limit_of_commands_is_kept(rows: Rows) -> None:
    insert(rows, "inventory", INVENTORY | {"available_qty": "4000000000", "total_qty": "4000000002"})
    assert rows("SELECT total_qty FROM inventory") == [(4_000_000_002,)]
