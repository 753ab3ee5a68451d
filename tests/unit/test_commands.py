"""Commands: what is read is what was written, and what counts as the same use of an id."""

import json
from typing import Any

import pytest

from onhand.schemas import Adjust, Commit, Malformed, Receive, Release, Reserve, decode_command
from onhand.schemas.admission import admit
from onhand.schemas.codec import use_hash
from onhand.schemas.commands import Line, Op, Sweep
from onhand.schemas.legs import LegLine, order_of
from onhand.schemas.partitioner import partition_of
from onhand.schemas.requests import CommitRequest
from onhand.schemas.signing import HEADER, Keyring
from onhand.schemas.slips import Hop, decode_slip

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


WRONG: list[tuple[Any, str]] = [
    (Reserve(id=ID, sku_id="A", warehouse_id=1, quantity=True), "quantity: must be an integer"),
    (Reserve(id=ID, sku_id="A", warehouse_id=1, quantity=0), "quantity: must be greater than or equal to 1"),
    (Reserve(id=ID, sku_id="A\n", warehouse_id=1, quantity=2), "sku_id: is not well-formed"),
    (Reserve(id=ID, lines=()), "lines: must hold 1 to 100"),
    (
        Reserve(id=ID, lines=(Line(sku_id="A", warehouse_id=0, quantity=1),)),
        "lines.0.warehouse_id: must be greater than",
    ),
    (Receive(id=ID, sku_id="A", warehouse_id=1, quantity=10**40), "quantity: must be less than or equal to 1000000000"),
    (Receive(id=ID, sku_id="A", warehouse_id=1, quantity=1, actor="\ud800"), "actor: is not of JSON"),
    (Receive(id=ID, sku_id="A", warehouse_id=1, quantity=object()), "quantity: is not of JSON"),  # type: ignore[arg-type]
    (Release(id="1", sku_id="A", warehouse_id=1, reservation_id=OTHER, reason="id_reused"), "id: is not well-formed"),
    (CommitRequest(id=ID, reservation_id="x"), "reservation_id: is not well-formed"),
]


@pytest.mark.parametrize(("command", "message"), WRONG, ids=lambda part: part if isinstance(part, str) else "")
def test_what_nobody_would_read_is_not_written(command: Any, message: str) -> None:
    with pytest.raises(ValueError, match=f"^{message}"):
        command.to_json()


def test_rules_between_fields_hold_from_the_start() -> None:
    with pytest.raises(ValueError, match=r"^quantity: is missing"):
        Reserve(id=ID, sku_id="A", warehouse_id=1)
    with pytest.raises(ValueError, match=r"^delta: must not be 0"):
        Adjust(id=ID, sku_id="A", warehouse_id=1, delta=0, reason="x")
    with pytest.raises(ValueError, match=r"^warehouse_id: is missing"):
        CommitRequest(id=ID, sku_id="A", reservation_id=OTHER)


def test_onhands_own_are_read_again() -> None:
    release = Release(id=ID, sku_id="A", warehouse_id=1, reservation_id=OTHER, reason="id_reused")
    assert decode_command(release.to_json()) == release
    assert (Sweep().to_json(), decode_command(Sweep().to_json())) == (b'{"type":"sweep"}', Sweep())


@pytest.mark.parametrize(
    ("field", "told"),
    [
        ("price` - at `$.id", "price` - at `$.id: is not a field of this command"),
        ("price\n", "price\n: is not a field of this command"),
        ("$", "$: is not a field of this command"),
    ],
)
def test_a_strange_name_is_told_as_it_is(field: str, told: str) -> None:
    with pytest.raises(Malformed) as refused:
        _decoded(**{field: 1})
    assert refused.value.message == told


def test_no_message_shows_a_pattern_or_a_type_of_python() -> None:
    for name in ("id", "sku_id", "warehouse_id", "quantity", "ttl_ms", "channel", "order_id", "lines", "issued_at_ms"):
        for odd in ("\n", -1, 2**70, 1.5, True, [], {}, [1], [{}], [{"sku_id": "\n"}]):
            with pytest.raises(
                Malformed, match=rf"^{name}[a-z_.0-9]*: (is|must be|must hold|not together) ?"
            ) as refused:
                _decoded(**{name: odd})
            assert not {"`", "\\", "^"} & set(refused.value.message)


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
    value = {"type": "shard", "id": ID, "sku_id": "A", "warehouse_id": 1, "shards": 3}
    partition = partition_of("A:1", 8)
    admitted = admit(json.dumps(value).encode(), (), partition, 8, None)
    assert (admitted.op, admitted.message) == (Op.INVALID, "type: shard is not supported yet")
    assert admitted.position == "A:1"


def _order(*skus: str) -> Reserve:
    return Reserve(id=ID, lines=tuple(Line(sku_id=sku, warehouse_id=1, quantity=1) for sku in skus))


def test_an_order_begins_at_its_lowest_partition_and_has_its_home_at_the_highest() -> None:
    places = sorted((partition_of(f"{sku}:1", 8), sku) for sku in "ABCDEFGH")
    (first, low), (home, high) = places[0], places[-1]
    order = _order(high, low, high)
    admitted = admit(order.to_json(), (), first, 8, None)
    assert admitted.op is Op.INVALID  # its first line is of another partition: that is where it must be put
    passed_on = admit(order.to_json(), (), home, 8, None)
    assert (passed_on.op, passed_on.to) == (Op.PASS, first)
    at_first = admit(_order(low, high).to_json(), (), first, 8, None)
    assert at_first.op is Op.ORDER
    assert at_first.route is not None
    assert (at_first.route.home, at_first.route.is_last) == (home, False)
    assert at_first.route.leg.lines == [LegLine(f"{low}:1", 1, 0)]


def test_lines_of_an_order_are_folded_and_stay_in_the_order_in_which_they_are_first_named() -> None:
    reserve = _order("B", "A1", "B", "A")
    order = order_of(reserve)
    assert order is not None
    assert order.lines == [LegLine("B:1", 2, 0), LegLine("A1:1", 1, 1), LegLine("A:1", 1, 3)]
    assert order.hash == use_hash(reserve.use) == use_hash("reserve A1:1=1 A:1=1 B:1=2")
    assert order_of(_order("A", "A")) is None


@pytest.mark.parametrize(
    "line", [["A:1", 1], ["A:1", 1, 0, 0], ["A:1", "1", 0], {"position": "A:1", "units": 1, "line": 0}]
)
def test_a_line_in_a_slip_is_a_position_its_units_and_an_index(line: Any) -> None:
    hop = Hop(order=order_of(_order("A", "B")), stamp=(1, 7, 0), to=1)
    slip = json.loads(hop.to_json())
    assert slip["order"]["lines"] == [["A:1", 1, 0], ["B:1", 1, 1]]
    slip["order"]["lines"][0] = line
    with pytest.raises(ValueError, match="Expected"):
        decode_slip(json.dumps(slip).encode())


def test_slips_are_onhands_own() -> None:
    keyring = Keyring({"k": b"0" * 32})
    places = sorted((partition_of(f"{sku}:1", 8), sku) for sku in "ABCDEFGH")
    (first, low), (home, high) = places[0], places[-1]
    hop = Hop(order=order_of(_order(low, high)), opened_at_ms=1, expires_at_ms=2, stamp=(first, 7, 0), to=home)
    value = hop.to_json()
    assert decode_slip(value) == hop
    signed = [(HEADER, keyring.sign(value).encode())]
    assert admit(value, signed, home, 8, keyring).op is Op.ORDER
    stray = next(p for p in range(8) if p not in (first, home))
    assert admit(value, signed, stray, 8, keyring).message == f"hop: does not belong to partition {stray}"
    assert admit(value, (), home, 8, keyring).message.startswith("type: is not one of reserve, ")
    assert admit(value, [(HEADER, b"v1;k;00")], home, 8, keyring).message == "header onhand: does not verify"


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
