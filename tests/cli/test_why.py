"""`onhand why`: the story of a position, as it is in the log."""

import json
import os
import pty
import subprocess
import sys
from typing import Any

from onhand.deploy.stack import Stack
from onhand.schemas import partition_of
from onhand.schemas.events import rfc3339
from tests.cli.conftest import PARTITIONS, Onhand, skus_apart
from tests.end_to_end.talk import Talk

FIELDS = ["partition", "offset", "at", "type", "id", "outcome", "before", "after", "actor", "reference_id"]
NOTHING = {"available_qty": 0, "reserved_qty": 0, "total_qty": 0, "version": 0}


def numbers(level: dict[str, int]) -> tuple[int, int, int, int]:
    assert list(level) == ["available_qty", "reserved_qty", "total_qty", "version"]
    return level["available_qty"], level["reserved_qty"], level["total_qty"], level["version"]


def brief(entry: dict[str, Any]) -> tuple[Any, ...]:
    return entry["type"], entry["outcome"], numbers(entry["before"]), numbers(entry["after"])


def test_each_change_and_refusal_with_who_and_where(onhand: Onhand, sku: str, system: Stack) -> None:
    received = onhand("receive", sku, 1, 10, "--actor", "anna", "--reference", "po-7", "--json").json
    reservation = onhand("reserve", sku, 1, 4).out.strip()
    onhand("commit", reservation)
    onhand("reserve", sku, 1, 7)
    onhand("receive", sku, 1, 10, "--id", received["id"])  # a repeat, which is no news
    onhand("transfer", sku, 1, 2, 5, "--actor", "bo")
    story = onhand("why", sku, 1, "--json").json
    assert [list(entry) for entry in story] == [FIELDS] * 5
    assert [brief(entry) for entry in story] == [
        ("receive", "applied", (0, 0, 0, 0), (10, 0, 10, 1)),
        ("reserve", "reserved", (10, 0, 10, 1), (6, 4, 10, 2)),
        ("commit", "committed", (6, 4, 10, 2), (6, 0, 6, 3)),
        ("reserve", "insufficient_stock", (6, 0, 6, 3), (6, 0, 6, 3)),
        ("transfer", "applied", (6, 0, 6, 3), (1, 0, 1, 4)),
    ]
    first = story[0]
    assert (first["id"], first["actor"], first["reference_id"]) == (received["id"], "anna", "po-7")
    assert (first["offset"], first["at"]) == (received["source_offset"], received["decided_at"])
    assert {entry["partition"] for entry in story} == {partition_of(f"{sku}:1", PARTITIONS)}
    assert (story[1]["id"], story[1]["actor"]) == (reservation, None)
    (arrived,) = onhand("why", sku, 2, "--json").json
    assert (brief(arrived), arrived["actor"]) == (("transfer", "applied", (0, 0, 0, 0), (5, 0, 5, 1)), "bo")
    assert arrived["id"] == story[4]["id"]


def test_as_it_was_at_a_time(onhand: Onhand, sku: str) -> None:
    times = [onhand("receive", sku, 1, 10, "--json").json["decided_at"] for _ in range(3)]
    for count, time in enumerate(times, 1):
        assert [entry["at"] for entry in onhand("why", sku, 1, "--at", time, "--json").json] == times[:count]
    told = onhand("why", sku, 1, "--at", times[1]).out.splitlines()
    assert told[0] == f"{sku}:1 at {times[1]}: 20 available, 0 reserved, 20 total, version 2"
    assert len(told) == 3
    before = onhand("why", sku, 1, "--at", "2020-01-01")
    assert before.out == f"{sku}:1 at 2020-01-01T00:00:00.000Z: 0 available, 0 reserved, 0 total, version 0\n"
    assert onhand("why", sku, 1, "--at", "2020-01-01", "--json").json == []


def test_piped_a_line_for_each(onhand: Onhand, sku: str) -> None:
    id = onhand("receive", sku, 1, 1_000, "--actor", "anna", "--json").json["id"]
    onhand("adjust", sku, 1, -1, "--reason", "broken")
    first, second = [line.split("\t") for line in onhand("why", sku, 1).out.splitlines()]
    assert first[2:] == ["receive", "1,000", "applied", "0 -> 1000", "0", "0 -> 1000", "0 -> 1", id, "anna", "-", "-"]
    assert second[2:9] == ["adjust", "-1", "applied", "1000 -> 999", "0", "1000 -> 999", "1 -> 2"]


def test_a_position_that_was_never_touched(onhand: Onhand, sku: str) -> None:
    assert onhand("why", sku, 1) == (0, "", f"{sku}:1: nothing was decided about it\n")
    assert onhand("why", sku, 1, "--json") == (0, "[]\n", "")


def test_an_order_over_partitions_and_its_undoing(onhand: Onhand, system: Stack) -> None:
    one, other = skus_apart()
    onhand("receive", one, 1, 5)
    onhand("receive", other, 1, 5)
    ids = []
    with Talk(system.endpoints["kafka"]) as talk:
        for quantity in (6, 2):  # refused at the second leg; then done
            lines = [{"sku_id": sku, "warehouse_id": 1, "quantity": n} for sku, n in ((one, 1), (other, quantity))]
            body = {"type": "reserve", "id": talk.command("x", one)["id"], "lines": lines, "actor": "shop-7"}
            talk.producer.produce("inventory.commands", json.dumps(body).encode(), f"{one}:1".encode())
            talk.producer.flush(10)
            while not talk.decisions(body["id"])[body["id"]]["complete"]:
                pass
            ids.append(body["id"])
    refused, held = ids
    assert onhand("commit", held).code == 0
    first, second = onhand("why", one, 1, "--json").json, onhand("why", other, 1, "--json").json
    assert [(entry["type"], entry["outcome"], entry["id"], entry["actor"]) for entry in first[1:4]] == [
        ("reserve", "reserved", refused, "shop-7"),
        ("release", "released", refused, "shop-7"),
        ("reserve", "reserved", held, "shop-7"),
    ]
    assert [(entry["outcome"], entry["id"], entry["actor"]) for entry in second[1:3]] == [
        ("insufficient_stock", refused, "shop-7"),
        ("reserved", held, "shop-7"),
    ]
    assert (first[4]["type"], first[4]["id"]) == (second[3]["type"], second[3]["id"]), "the commit, told at both"
    assert numbers(first[4]["after"]) == (4, 0, 4, 5)
    assert numbers(second[3]["after"]) == (3, 0, 3, 3)


def test_what_nobody_understood_is_told_with_the_reason(onhand: Onhand, sku: str, system: Stack) -> None:
    with Talk(system.endpoints["kafka"]) as talk:
        decision = talk.ask(talk.command("receive", sku, quantity=1, **{"\x1b[2J": 1}))
    assert decision["outcome"] == "invalid"
    (entry,) = onhand("why", sku, 1, "--json").json
    assert (entry["outcome"], entry["before"], entry["at"]) == ("invalid", NOTHING, rfc3339(decision["decided_at_ms"]))
    line = onhand("why", sku, 1).out
    assert "is not a field" in line
    assert "\x1b" not in line


def test_on_a_terminal_it_is_a_table(onhand: Onhand, sku: str) -> None:
    id = onhand("receive", sku, 1, 12, "--actor", "anna", "--json").json["id"]
    shown = _on_a_terminal("why", sku, "1")
    for words in ("available", "receive 12", "applied", "0 -> 12", id, "by anna", f"{sku}:1 now: 12 available"):
        assert words in shown, shown
    assert "receive 1: done" in _on_a_terminal("receive", sku, "1", "1")


def _on_a_terminal(*words: str) -> str:
    """What the command shows there, 80 columns wide and without colours."""
    ours, theirs = pty.openpty()
    command = [sys.executable, "-m", "onhand.deploy.cli", *words]
    env = dict(os.environ) | {"NO_COLOR": "1", "TERM": "dumb"}
    with subprocess.Popen(command, stdout=theirs, stderr=theirs, env=env) as process:
        os.close(theirs)
        shown = b""
        try:
            while piece := os.read(ours, 65_536):
                shown += piece
        except OSError:  # the terminal's other end is closed
            pass
        finally:
            os.close(ours)
        assert process.wait(20) == 0, shown
    return shown.decode()
