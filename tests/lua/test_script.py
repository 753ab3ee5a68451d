"""The fragments of the gate: they mean by a number what the words mean by it, and stay small."""

import inspect
import re
from pathlib import Path

import ormsgpack
import pytest

from onhand.lua import format as shapes
from onhand.lua.gate.client import MAX_SWEEP_LIMIT
from onhand.lua.scripts import FOLDER, FRAGMENTS, GATE
from onhand.schemas.commands import Op
from onhand.schemas.outcomes import REPLAYED, Outcome
from onhand.schemas.positions import MAX_LEVEL, MAX_QUANTITY

FILES = sorted(FOLDER.rglob("*.lua"))


def constants() -> dict[str, int]:
    """Every `local A, B = 1, 2` of names.lua."""
    found: dict[str, int] = {}
    for names, values in re.findall(
        r"^local ([A-Z0-9_, ]+) = ([\d, ]+?) *(?:--.*)?$", (FOLDER / "gate/names.lua").read_text(), re.M
    ):
        found |= dict(zip(names.split(", "), map(int, values.split(", ")), strict=True))
    return found


def test_numbers_mean_the_same_in_lua_and_python() -> None:
    lua = constants()
    outcomes = {name: lua[name] for name in Outcome.__members__ if name in lua}
    assert outcomes == {name: Outcome[name].value for name in outcomes}
    assert set(outcomes) >= {
        "INVALID",
        "ID_REUSED",
        "UNKNOWN_RESERVATION",
        "LIMIT_EXCEEDED",
        "INSUFFICIENT_STOCK",
        "APPLIED",
    }
    assert {f"OP_{op.name}": op.value for op in Op} == {name: n for name, n in lua.items() if name.startswith("OP_")}
    assert (lua["REPLAYED"], lua["RULES"], lua["PIECE"]) == (REPLAYED, shapes.RULES, MAX_SWEEP_LIMIT)
    assert (lua["MAX_TOTAL"], lua["MAX_QUANTITY"]) == (MAX_LEVEL, MAX_QUANTITY)


def test_columns_of_a_row_are_those_of_lua() -> None:
    """The order in which the script takes the columns apart is that of the words in `Row`, and then in `Slip`."""
    theirs = {
        "at_ms": "times", "body": "bodies", "quantity": "quantities", "ttl_ms": "ttls", "from_index": "from_indexes",
        "opened_at_ms": "opened_at", "expires_at_ms": "expiries", "line": "lines_at", "more": "more_lines", "legs": "legs",
        "rest": "slips",
    }  # fmt: skip
    *ours, slip = inspect.signature(shapes.row).parameters
    ours += shapes.Slip._fields
    pieces = re.findall(r"^local ([\w, ]+) =\s+unpack\(columns, (\d+), (\d+)\)$", GATE.text, re.MULTILINE)
    taken = [name for names, *_ in pieces for name in names.split(", ")]
    assert (slip, taken) == ("slip", [theirs.get(name, f"{name}s") for name in ours])
    count = constants()["COLUMNS"]
    assert [tuple(map(int, bounds)) for _, *bounds in pieces] == [(1, len(ours) - 11), (len(ours) - 10, count)]
    assert count == len(ours)
    assert shapes.row(*range(12)) == tuple(range(12))  # type: ignore[arg-type]


def test_rows_are_packed_column_by_column() -> None:
    rows = [shapes.row(9, offset, 5, f"id-{offset}", "A:1", body=7) for offset in range(3)]
    columns = [column or [None] * 3 for column in ormsgpack.unpackb(shapes.pack_rows(rows))]
    assert [(*row[:11], None) for row in zip(*columns, strict=True)] == rows
    assert ormsgpack.unpackb(shapes.pack_rows(rows))[5] is False
    assert ormsgpack.unpackb(shapes.pack_rows(rows))[11:] == [False] * 11
    assert ormsgpack.unpackb(shapes.pack_rows([])) == [False] * 22


def test_slips_are_packed_column_by_column_too() -> None:
    slips = [None, shapes.Slip(1, 2, 3, again=True), shapes.Slip(line=4, more=["A:1", 5, 6], home=False, legs=[7])]
    rows = [shapes.row(13, offset, 5, "id", "A:1", slip=slip) for offset, slip in enumerate(slips)]
    columns = [column or [None] * 3 for column in ormsgpack.unpackb(shapes.pack_rows(rows))]
    assert [shapes.Slip(*row[11:]) for row in zip(*columns, strict=True)] == [shapes.Slip(), *slips[1:]]


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.name)
def test_a_file_is_small_and_says_what_it_is(path: Path) -> None:
    lines = path.read_text().splitlines()
    assert len(lines) < 100
    first = next(line for line in lines if not line.startswith("#!lua"))
    assert first.startswith(f"-- {path.stem}: ") or first.startswith(f"-- {path.stem}, ")


def test_every_fragment_is_in_the_script() -> None:
    fragments = {str(path.relative_to(FOLDER / "gate").with_suffix("")) for path in FILES if "gate" in path.parts}
    assert fragments == set(FRAGMENTS)
    assert GATE.text.startswith("#!lua\n")
    assert not re.search(r"\b(TIME|random|pairs|os\.)\b", re.sub(r"--.*", "", GATE.text))


def test_no_number_has_a_name_that_is_looked_up_at_every_call() -> None:
    """Each name of a number is written in as that number, where it is a word of the script and not of a text or a remark."""
    code = "\n".join(line.partition("--")[0] for line in GATE.text.splitlines())
    words = set(re.findall(r"\w+", re.sub(r"'[^'\n]*'", "", code)))
    assert len(constants()) > 70
    assert not words & constants().keys()
    assert "{'RULES', rules}" in code
