"""The audit of what partitions do together: a healthy system is clean, and each seeded fault is found and named."""

import pytest

from onhand.deploy.audit.books import Tally
from onhand.deploy.audit.findings import Findings
from onhand.deploy.audit.ledger_view import own_end, writer_of
from onhand.deploy.audit.links import Links
from onhand.deploy.audit.record import Record
from onhand.schemas.signing import HEADER
from onhand.schemas.slips import Arrival, Settle
from onhand.sql.window import movement_id
from tests.audited_legs import Systems
from tests.legs_world import KEYRING
from tests.scenarios import uid
from tests.transfer_scenarios import FAR, NEAR, transfer

SEED = 1


@pytest.mark.parametrize("seed", range(6))
def test_a_healthy_system_is_clean(seed: int) -> None:
    findings = Systems(seed).audit()
    assert findings.differences == []
    assert findings.compared["slip"] > 20
    assert findings.compared["ledger transfers"] > 1
    totals = findings.totals
    came = sum(totals[kind] for kind in ("receive", "adjust")) - totals["ship"]
    assert came == totals["held"] + totals["left"] + totals["in_transit"]
    assert findings.notes == []


def test_a_lost_a_changed_and_a_doubled_row_of_a_transfer() -> None:
    system = Systems(SEED)
    view = next(view for view in system.ledgers if view.transit)
    at, way = next(iter(view.transit.items()))
    view.transit[at] = way._replace(mark=way.mark ^ 1)
    (difference,) = system.audit().differences
    assert (difference.kind, difference.where) == ("ledger transfers", at)
    view.transit[at] = way._replace(shipped=way.shipped + 1)
    assert system.kinds() == {"ledger transfers", "conservation"}
    view.transit[at] = way
    view.brought[at] += 1
    assert system.kinds() == {"conservation"}


def test_a_lost_and_a_changed_line_of_an_order() -> None:
    system = Systems(SEED)
    view = system.ledgers[0]
    key, tally = next((key, tally) for key, tally in view.reservations.items() if tally.rows > 1)
    for rows, mark in ((tally.rows - 1, tally.mark), (tally.rows, tally.mark ^ 1)):
        view.reservations[key] = Tally(rows, tally.units, mark)
        (difference,) = system.audit().differences
        assert (difference.kind, difference.where) == ("ledger reservations", " ".join(key))


def test_stamps_of_gate_and_ledger() -> None:
    system = Systems(SEED)
    system.ledgers[0].seen = system.ledgers[0].seen[:-1]
    system.gates[1].after = system.gates[1].before = system.gates[1].before._replace(unsaid=((0, 1, 2),))
    assert [(d.kind, d.partition, d.where) for d in system.audit().differences] == [
        ("ledger mark", 0, "seen"), ("gate mark", 1, "unsaid"),
    ]  # fmt: skip


def test_a_transfer_on_its_way_that_the_gate_lost() -> None:
    system = next(system for system in map(Systems, range(20)) if any(gate.opens for gate in system.gates))
    gate = next(gate for gate in system.gates if gate.opens)
    name, sent = gate.opens.popitem()
    assert system.kinds() == {"gate transfer"}
    gate.opens[name] = sent._replace(shipped=sent.shipped + 1)
    assert system.kinds() == {"gate transfer"}


def test_a_slip_that_nobody_sent() -> None:
    system = Systems(SEED)
    wish = Arrival(stamp=(0, 1, 7), to=1, transfer=transfer(9_999, FAR, 1), opened_at_ms=5)
    system.logs[1].append(signed(len(system.logs[1]), wish.to_json()))
    assert "slip" in system.kinds()


def signed(offset: int, value: bytes) -> Record:
    return Record(offset, 0, None, value, [(HEADER, KEYRING.sign(value).encode())])


def test_a_settle_of_nothing_ends_the_deciding_of_its_partition() -> None:
    system = Systems(SEED)
    slip = Settle(stamp=(0, 2**40, 0), to=1, reservation_id=uid(1), order=1, opened_at_ms=5)
    system.logs[1].append(signed(len(system.logs[1]), slip.to_json()))
    (difference,) = system.audit().differences
    assert (difference.kind, difference.partition, difference.wanted) == ("log", 1, "a record that can be decided")
    assert uid(1) in difference.found


def links_of(*stood: tuple[int, bytes], certain: int = 99) -> Findings:
    """One link, over which records 3, 4 and 5 of partition 0 send a slip each; `stood` in partition 1."""
    findings = Findings()
    links = Links(findings)
    for at, (offset, value) in enumerate(stood):
        links.stands(1, at, (0, offset, 0), value)
    for offset in (3, 4, 5):
        links.made(0, offset, [(1, b"%d" % offset)])
    links.decided(0, 5, certain)
    links.decided(1, 99, 99)
    links.compare()
    return findings


def test_slips_of_a_link() -> None:
    three, four, five = (3, b"3"), (4, b"4"), (5, b"5")
    assert links_of(three, four, five).clean
    assert links_of(three, four, three, four, five, (6, b"later")).clean, "copies, and what is not decided again"
    for stood, where in (
        ((three, five), "from 0/4/0"),
        ((three, four), "from 0/5/0"),
        ((three, four, (5, b"another")), "from 0/5/0"),
        (((1, b"1"), three, four, five), "from 0/1/0"),
        ((three, four, (3, b"x"), five), "offset 2, from 0/3/0"),
    ):
        assert [d.where for d in links_of(*stood).differences] == [where]
    assert [d.where for d in links_of(three, five, four).differences] == ["offset 2, from 0/4/0", "from 0/4/0"]
    findings = links_of(three, certain=4)
    assert (findings.clean, findings.notes) == (True, ["2 slips between partitions are not sent yet"])


def test_the_router_s_slips_are_nobody_s_here() -> None:
    findings = Findings()
    links = Links(findings)
    links.stands(0, 0, (-1, 5, 0), b"x")
    links.stands(0, 1, (-1, 4, 0), b"y")
    links.decided(0, 9, 9)
    links.compare()
    assert findings.clean


@pytest.mark.parametrize("partition", [0, 1, 4_095, 4_096, 262_143])
def test_a_movement_s_id_names_its_partition(partition: int) -> None:
    name = movement_id(1_700_000_000_000, partition, 77).hex()
    assert writer_of(name) == partition


def test_the_end_of_a_transfer_that_is_here() -> None:
    assert own_end(FAR, 1, 2, 0, 3) == f"{FAR}:1"
    assert own_end(FAR, 1, 2, 1, 3) == f"{FAR}:2"
    assert own_end(NEAR, 1, 2, 0, 3) == f"{NEAR}:1"
