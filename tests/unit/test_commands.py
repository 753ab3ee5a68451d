"""Commands: what is read is what was written, and what counts as the same use of an id."""

import json
from typing import Any

import pytest

from onhand.schemas import Adjust, Commit, Malformed, Receive, Release, Reserve, decode_command
from onhand.schemas.admission import admit
from onhand.schemas.codec import use_hash
from onhand.schemas.commands import Line, Op
from onhand.schemas.partitioner import partition_of
from onhand.schemas.signing import HEADER, Keyring

ID = "0199c0de-7a3b-7c11-9d2e-5f6a7b8c9d0e"
OTHER = "0199c0de-7a3b-7c11-9d2e-5f6a7b8c9d0f"
RESERVE: dict[str, Any] = {"type": "reserve", "id": ID, "sku_id": "A", "warehouse_id": 1, "quantity": 2}


def _decoded(**fields: Any) -> Any:
    return decode_command(json.dumps(RESERVE | fields).encode())


def test_what_is_written_is_read_again() -> None:
    for command in (
        Reserve(id=ID, sku_id="A", warehouse_id=1, quantity=2, order_id='o \u00e9 "1"', channel="web"),
        Reserve(id=ID, lines=(Line(sku_id="A", warehouse_id=1, quantity=2),)),
        Commit(id=ID, sku_id="A", warehouse_id=1, reservation_id=OTHER),
        Adjust(id=ID, sku_id="A", warehouse_id=1, delta=-3, reason="broken"),
    ):
        assert decode_command(command.to_json()) == command


def test_null_is_the_same_as_absent() -> None:
    assert _decoded(ttl_ms=None, channel=None, lines=None, nonsense=None) == _decoded()
    with pytest.raises(Malformed, match="quantity: is missing"):
        _decoded(quantity=None)


def test_of_a_repeated_key_the_last_counts() -> None:
    value = json.dumps(RESERVE).replace('"quantity": 2', '"quantity": 2, "quantity": 5').encode()
    assert decode_command(value).units == 5


def test_lines_of_one_position_count_as_one() -> None:
    line = {"sku_id": "A", "warehouse_id": 1}
    bare = {"sku_id": None, "warehouse_id": None, "quantity": None}
    folded = _decoded(**bare, lines=[line | {"quantity": 1}, line | {"quantity": 1}])
    assert folded.folded() == {"A:1": 2}
    assert folded.use == _decoded().use


def test_another_quantity_position_or_type_is_another_use_and_a_ttl_is_not() -> None:
    uses = {
        _decoded().use,
        _decoded(quantity=3).use,
        _decoded(sku_id="B").use,
        _decoded(warehouse_id=2).use,
        Receive(id=ID, sku_id="A", warehouse_id=1, quantity=2).use,
    }
    assert len(uses) == 5
    assert _decoded(ttl_ms=5_000, order_id="o").use == _decoded().use


def test_a_verb_of_later_is_not_supported_yet() -> None:
    value = {"type": "count", "id": ID, "sku_id": "A", "warehouse_id": 1, "counted_qty": 3}
    partition = partition_of("A:1", 8)
    admitted = admit(json.dumps(value).encode(), (), partition, 8, None)
    assert (admitted.op, admitted.message) == (Op.INVALID, "type: count is not supported yet")
    assert admitted.position == "A:1"


def test_orders_over_several_positions_are_not_supported_yet() -> None:
    lines = (Line(sku_id="A", warehouse_id=1, quantity=1), Line(sku_id="B", warehouse_id=1, quantity=1))
    admitted = admit(Reserve(id=ID, lines=lines).to_json(), (), partition_of("A:1", 8), 8, None)
    assert admitted.message == "lines: several positions are not supported yet"


def test_a_release_with_a_reason_is_onhands_own() -> None:
    keyring = Keyring({"k": b"0" * 32})
    release = Release(id=ID, sku_id="A", warehouse_id=1, reservation_id=OTHER, reason="id_reused").to_json()
    partition = partition_of("A:1", 8)
    signed = admit(release, [(HEADER, keyring.sign(release).encode())], partition, 8, keyring)
    assert signed.op is Op.RELEASE
    unsigned = admit(release, (), partition, 8, keyring)
    assert (unsigned.op, unsigned.message) == (Op.INVALID, "reason: is onhand's own, and header onhand is missing")


def test_an_ordinary_reserve_is_hashed_as_its_use_says() -> None:
    command = _decoded()
    admitted = admit(command.to_json(), (), partition_of("A:1", 8), 8, None)
    signed = admit(command.to_json(), [("other", b"")], partition_of("A:1", 8), 8, None)
    assert admitted == signed
    assert (admitted.body, admitted.quantity, admitted.position) == (use_hash(command.use), 2, "A:1")
