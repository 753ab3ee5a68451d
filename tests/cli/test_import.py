"""`onhand import`: sums, errors by line, and going on where it stopped."""

import io
import json
import sys
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path

import psycopg
import pytest

from onhand.deploy.stack import Stack
from tests.cli.conftest import Onhand, new_sku, run
from tests.gateway.process import OwnGateway
from tests.stack.waiting import until


def rows_of(sku: str, path: Path, more: str = "") -> Path:
    """Three good rows, and more."""
    path.write_text("type,sku_id,warehouse_id,quantity,delta,reason\n" + f"receive,{sku},1,5,,\n" * 3 + more)
    return path


def test_a_csv_is_done_once_and_summed_up(onhand: Onhand, sku: str, tmp_path: Path) -> None:
    file = rows_of(sku, tmp_path / "stock.csv")
    assert onhand("import", file) == (0, "applied\t3\n", "")
    again = onhand("import", file)
    assert (again.code, again.out) == (0, "applied\t3\n")
    assert again.err == "3 lines were decided before and not done again (--key KEY does)\n"
    assert onhand("import", file, "--key", sku, "--json").json == {
        "lines": 3, "outcomes": {"applied": 3}, "errors": 0, "replayed": 0, "not_done": [], "key": sku,
    }  # fmt: skip
    assert onhand("availability", sku, "--json").json[sku][0]["available_qty"] == 30


def test_what_was_not_done_is_told_by_the_lines_of_the_file(onhand: Onhand, sku: str, tmp_path: Path) -> None:
    wrong = f"receive,{sku},1,x,,\n" * 25 + f"ship,{sku},1,99,,\n"
    file, errors = rows_of(sku, tmp_path / "stock.csv", wrong), tmp_path / "errors"
    told = onhand("import", file, "--errors", errors)
    assert (told.code, told.out) == (1, "applied\t3\ninsufficient_stock\t1\nerror\t25\n")
    shown = [f"line {number}: quantity: must be an integer" for number in range(5, 25)]
    assert told.err.splitlines() == [*shown, f"and 6 more, all in {errors}"]
    kept = errors.read_text().splitlines()
    assert (len(kept), kept[:20]) == (26, shown)
    assert kept[-1] == f"line 30: insufficient_stock, {sku} at warehouse 1: 99 wished, 15 available"


@pytest.mark.parametrize("is_json", [True, False])
def test_standard_input(onhand: Onhand, sku: str, is_json: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    line = json.dumps({"type": "count", "sku_id": sku, "warehouse_id": 1, "counted_qty": 7})
    text = line if is_json else f"type,sku_id,warehouse_id,counted_qty\ncount,{sku},1,7\n"
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(text.encode())))
    told = onhand("import", "-")
    assert (told.code, told.out) == (0, "applied\t1\n")
    assert told.err == "1 counts and transfers were done without locks: no lock nodes are set\n"


@pytest.mark.parametrize(
    ("name", "text", "message"),
    [
        ("stock.xlsx", "", "is neither .csv nor .ndjson"),
        ("stock.csv", "type,colour\n", "header: 'colour' is not a field of a movement"),
        ("stock.csv", "", "header: type is missing"),
    ],
)
def test_a_file_that_is_none_is_wrong_usage(onhand: Onhand, tmp_path: Path, name: str, text: str, message: str) -> None:
    (tmp_path / name).write_text(text)
    told = onhand("import", tmp_path / name)
    assert (told.code, message in told.err, told.out) == (2, True, "")


def test_a_file_that_is_not_there(onhand: Onhand, tmp_path: Path) -> None:
    told = onhand("import", tmp_path / "none.csv")
    assert (told.code, "none.csv" in told.err) == (1, True)


def test_without_a_gateway_it_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ONHAND_GATEWAY", "http://127.0.0.1:1")
    monkeypatch.setenv("ONHAND_API_KEY", "secret-key")
    told = run("import", rows_of("A", tmp_path / "a.csv"))
    assert (told.code, "no gateway at http://127.0.0.1:1" in told.err, "secret-key" in told.err) == (3, True, False)


def test_it_goes_on_where_the_connection_was_lost(
    system: Stack, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The gateway is killed in the middle and started again: the import goes on by itself, and nothing is done twice."""
    sku, file = new_sku(), tmp_path / "stock.ndjson"
    line = json.dumps({"type": "receive", "sku_id": sku, "warehouse_id": 1, "quantity": 1})
    file.write_text(f"{line}\n" * 3_000)
    with ExitStack() as running, ThreadPoolExecutor(1) as beside:
        first = running.enter_context(OwnGateway(system).serving())

        def replace_it() -> None:
            until(lambda: _total(system, sku))
            first.process.kill()
            first.process.wait()
            running.enter_context(OwnGateway(system, gateway_port=first.port))

        monkeypatch.setenv("ONHAND_GATEWAY", first.url)
        monkeypatch.setenv("ONHAND_API_KEY", system.endpoints["api_key"])
        replacing = beside.submit(replace_it)
        told = run("import", file, "--json")
        replacing.result()
    assert (told.code, told.json["outcomes"], told.json["lines"]) == (0, {"applied": 3_000}, 3_000)
    assert until(lambda: _total(system, sku) == 3_000)


def _total(system: Stack, sku: str) -> int:
    with psycopg.connect(system.endpoints["postgres"], autocommit=True) as connection:
        rows = connection.execute("SELECT total_qty FROM inventory WHERE sku_id = %s", (sku,)).fetchall()
    return int(rows[0][0]) if rows else 0
