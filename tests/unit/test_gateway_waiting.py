"""Records that are heard, handed to who waits for them; anything may stand in a topic."""

from types import SimpleNamespace
from typing import Any

import pytest

from onhand.agents.gateway.waiting import Committed, Decided
from onhand.schemas.decisions import Decision
from onhand.schemas.ids import new_id

ID = "0199c0de-7a3b-7c11-9d2e-5f6a7b8c9d0e"
STRANGE = [None, b"", b"\xff", b'{"id":"', f'{{"id":"{ID}"'.encode(), f'{{"id":"{ID}","seq":"x"}}'.encode()]


def record(value: bytes | None, *headers: tuple[str, bytes]) -> Any:
    return SimpleNamespace(value=value, headers=headers, partition=0, offset=0)


def decision(line: int, complete: bool, id: str | None = ID) -> bytes:
    return Decision(
        seq=1,
        id=id,
        reservation_id=ID,
        outcome="reserved",
        line=line,
        complete=complete,
        source_offset=1,
        decided_at_ms=1,
    ).to_json()


async def test_lines_are_kept_until_the_decision_that_settles_it() -> None:
    decided = Decided()
    with decided.of(ID) as settled, decided.of(ID) as other:
        decided.hear([record(decision(0, False)), record(decision(0, True, id=None))])
        assert not settled.done()
        decided.hear([record(decision(1, True)), record(decision(1, True))])
        assert [said.line for said in await settled] == [0, 1]
        assert (await other)[-1].complete
    decided.hear([record(decision(1, True))])  # nobody waits any more


@pytest.mark.parametrize("value", STRANGE)
async def test_what_is_no_decision_is_passed_over(value: bytes | None) -> None:
    decided = Decided()
    with decided.of(ID) as settled:
        decided.hear([record(value)])
        assert not settled.done()


@pytest.mark.parametrize(("type", "told"), [("reservation.committed", True), ("reservation.commit_failed", False)])
async def test_only_a_commit_that_became_durable_is_told(type: str, told: bool) -> None:
    committed = Committed()
    with committed.of(ID) as event:
        committed.hear([record(f'{{"reservation_id":"{ID}","line":0}}'.encode(), ("ce_type", type.encode()))])
        assert event.is_set() == told


def test_new_ids_are_of_version_7_and_in_order_of_time() -> None:
    ids = [new_id(1_800_000_000_000 + number) for number in range(5)]
    assert ids == sorted(ids)
    assert all(id[14] == "7" and id[19] in "89ab" for id in ids)
