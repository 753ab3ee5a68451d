"""What a batch tells, where records and stored outcomes do not belong together."""

import re

import pytest

from onhand.agents.gate.batch import Admission
from onhand.agents.gate.place import Place
from onhand.agents.gate.telling import tell
from onhand.schemas.faults import Corrupt
from onhand.schemas.signing import Keyring
from tests.gate_driver import Record
from tests.legs_world import KEYRING


@pytest.mark.parametrize("codes", [[13], [256 + 13], [128, 13], [133], []], ids=str)
def test_a_record_that_was_decided_and_is_invalid_now_is_not_told(codes: list[int]) -> None:
    """As where the key that signed it was taken away before all was told: the partition stops, and says why."""
    value = b'{"type":"sweep"}'
    record = Record(4, 5, value, [("onhand", KEYRING.sign(value).encode())])
    place = Place(0, 8, Keyring.parse("other:" + "cd" * 32))
    outcomes = [7, *(value for code in codes for value in (4, code, 5, 1, 1, 1, 1, False, False))]
    batch = Admission(place, 10).again([record])
    with pytest.raises(
        Corrupt, match=re.escape("the record at offset 4 was decided, and is invalid now (header onhand")
    ):
        tell(place, batch, outcomes)


@pytest.mark.parametrize("codes", [[0], [128, 0]], ids=str)
def test_a_record_that_was_invalid_is_told_so(codes: list[int]) -> None:
    record, place = Record(4, 5, b"{", ()), Place(0, 8, KEYRING)
    outcomes = [
        7,
        *(value for code in codes for value in (4, code, 5, -1, -1, -1, False, False, [1, 2, 3] if code else False)),
    ]
    told = tell(place, Admission(place, 10).again([record]), outcomes)
    assert len(told.decisions) == len(told.dead_letters) == 1
