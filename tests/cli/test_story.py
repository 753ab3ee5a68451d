"""What a story makes of decisions: repeats, and a log whose beginning is gone."""

from typing import Any

import pytest

from onhand.deploy.why.reading import Story
from onhand.deploy.why.screen import warn_of_the_missing_beginning
from onhand.deploy.why.story import Level, entries, steps
from onhand.schemas.decisions import Decision

ID = "0199c0de-7a3b-7c11-9d2e-5f6a7b8c9d0e"


def decision(seq: int, type: str, outcome: str = "applied", level: Any = (6, 4, 10, 9), **more: Any) -> Decision:
    numbers = dict(zip(("available_qty", "reserved_qty", "total_qty", "version"), level, strict=True))
    fields = {"quantity": 2, "complete": True, "source_offset": seq, "decided_at_ms": 1_795_348_112_498, **numbers}
    return Decision(seq=seq, id=ID, type=type, outcome=outcome, sku_id="S", warehouse_id=1, **fields | more)


@pytest.mark.parametrize(
    ("first", "before"),
    [
        (decision(7, "receive"), (4, 4, 8, 8)),
        (decision(7, "return"), (4, 4, 8, 8)),
        (decision(7, "ship"), (8, 4, 12, 8)),
        (decision(7, "adjust", quantity=-3), (9, 4, 13, 8)),
        (decision(7, "count", quantity=-3), (9, 4, 13, 8)),
        (decision(7, "count", quantity=0), (6, 4, 10, 9)),
        (decision(7, "reserve", "reserved"), (8, 2, 10, 8)),
        (decision(7, "commit", "committed"), (6, 6, 12, 8)),
        (decision(7, "release", "released"), (4, 6, 10, 8)),
        (decision(7, "expire", "expired"), (4, 6, 10, 8)),
        (decision(7, "extend", "extended"), (6, 4, 10, 9)),
        (decision(7, "set_reorder", quantity=None), (6, 4, 10, 9)),
        (decision(7, "transfer", line=0), (8, 4, 12, 8)),
        (decision(7, "transfer", line=1), (4, 4, 8, 8)),
        (decision(7, "transfer", line=0, reason="transfer_refused"), (4, 4, 8, 8)),
        (decision(7, "arrive", discrepancy=-1), (4, 4, 8, 8)),
        (decision(7, "ship", "insufficient_stock"), (6, 4, 10, 9)),
        (decision(7, "receive", replayed=True), (6, 4, 10, 9)),
        (decision(7, "receive", level=(2, 0, 2, 1)), (0, 0, 0, 0)),
        (decision(7, "allocate"), None),
    ],
)  # fmt: skip
def test_before_the_first_is_what_its_own_effect_says(first: Decision, before: tuple[int, ...] | None) -> None:
    (step,) = steps([first])
    assert step.before == before
    assert step.after == (first.available_qty, first.reserved_qty, first.total_qty, first.version)


def test_what_is_told_again_after_a_crash_is_one_step() -> None:
    log = [decision(seq, "receive", level=(seq, 0, seq, seq)) for seq in (1, 2, 3, 2, 3, 4)]
    assert [(step.before, step.after) for step in steps(log)] == [
        (Level(n - 1, 0, n - 1, n - 1), Level(n, 0, n, n)) for n in range(1, 5)
    ]


def test_without_the_command_the_decision_tells_what_it_knows() -> None:
    log = steps([decision(1, "receive", reference_id="po-7"), decision(2, "receive", replayed=True)])
    (entry,) = entries(log, 3, lambda offset: None)
    assert (entry.id, entry.actor, entry.reference_id, entry.told()["partition"]) == (ID, None, "po-7", 3)


def test_a_missing_beginning_is_said(capsys: pytest.CaptureFixture[str]) -> None:
    warn_of_the_missing_beginning(Story(None, True, iter(())))
    assert capsys.readouterr().err == ""
    warn_of_the_missing_beginning(Story(None, False, iter(())))
    assert "kept for 7 days" in capsys.readouterr().err
