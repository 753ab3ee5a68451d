"""The auditor's own test of alerts: what happened must be told, what did not must not; nobody knows where old windows ended."""

import json
from typing import Any

from onhand.deploy.audit.alerts import Alerts
from onhand.deploy.audit.findings import Findings
from onhand.deploy.audit.ledger_view import LedgerView
from onhand.deploy.audit.record import Record
from tests.audited import LIMIT, WINDOW_MS
from tests.decided import Deciding, Decision
from tests.scenarios import command, moved, reserve

DAY_MS = 86_400_000


def reorder(number: int, point: int) -> dict[str, Any]:
    return command("set_reorder", number, reorder_point=point, reorder_quantity=20)


class Shop:
    """A partition in windows of the ledger, and the alerts that it told."""

    def __init__(self) -> None:
        self.decide = Deciding()
        self.decisions: list[Decision] = []
        self.windows: list[int] = []
        self.alerts: list[Record] = []

    def window(self, *bodies: dict[str, Any], at_ms: int | None = None) -> None:
        """Decisions that become durable together."""
        self.decisions += self.decide(*bodies, at_ms=at_ms)
        self.windows.append(len(self.decisions))

    def tell(self, kind: str, available: int, point: int, suggested: int | None = None, **other: Any) -> None:
        """An alert of the last window."""
        body = {"sku_id": "CLOCK", "warehouse_id": 1, "available_qty": available, "reorder_point": point}
        body |= {"suggested_quantity": suggested, "occurred_at_ms": self.decide.now} | other
        id = f"0/{self.windows[-1]}/CLOCK:1{'/reorder' if kind == 'reorder.triggered' else ''}"
        headers = [("ce_id", id.encode()), ("ce_type", kind.encode())]
        self.alerts.append(Record(len(self.alerts), 0, None, json.dumps(body).encode(), headers))

    def fell(self, available: int, point: int, suggested: int) -> None:
        """What a fall tells."""
        self.tell("stock.low", available, point, suggested)
        self.tell("reorder.triggered", available, point, suggested)

    def audit(self, alerts: list[Record] | None = None, remembers: int = 99, whole: bool = True) -> Findings:
        """`remembers`: of how many windows the ledger still knows."""
        self.view = LedgerView(len(self.decisions), 0, 0, WINDOW_MS, LIMIT, windows=set(self.windows[-remembers:]))
        findings, again = Findings(), Deciding()
        self.found = Alerts(0, self.view, whole, findings)
        for record in self.alerts if alerts is None else alerts:
            self.found.hear(record)
        for decision in self.decisions:
            again.books.enter(dict(decision))
            self.found.enter(decision, again.books)
        return findings


def told(findings: Findings) -> list[tuple[str, str, str]]:
    return [(difference.where, difference.wanted, difference.found) for difference in findings.differences]


def a_shop() -> Shop:
    """Low at once, recovered, dipping within a window, and low again."""
    shop = Shop()
    shop.window(reorder(1, 5))
    shop.fell(0, 5, 20)
    shop.window(moved("receive", 2, 10), b_side := moved("receive", 3, 7, warehouse_id=2))
    shop.tell("stock.recovered", 10, 5)
    shop.window(moved("ship", 4, 9), moved("return", 5, 9))
    shop.window(reserve(6, 100), b_side)
    shop.window(reserve(7, 6))
    shop.fell(4, 5, 120)
    return shop


def test_each_crossing_was_told_and_each_alert_was_so() -> None:
    shop = a_shop()
    findings = shop.audit()
    assert findings.clean, findings.differences
    assert findings.compared["alert"] == 10
    assert shop.audit([*shop.alerts, *shop.alerts[1:]]).clean, "told again after a crash"
    assert shop.audit([]).count == 5


def test_an_alert_that_was_lost() -> None:
    shop = a_shop()
    fell, rose = ("stock.low", "reorder.triggered"), ("stock.recovered",)
    crossings = [(seq, kind) for seq, kinds in ((1, fell), (3, rose), (8, fell)) for kind in kinds]
    assert len(crossings) == len(shop.alerts)
    for lost, (seq, kind) in enumerate(crossings):
        left = [alert for place, alert in enumerate(shop.alerts) if place != lost]
        assert told(shop.audit(left)) == [(f"CLOCK:1 at seq {seq}", kind, "nothing")]
        assert shop.audit(left, whole=False).clean, "the topic may have let it go"


def test_of_windows_that_are_forgotten_only_who_is_low_must_have_been_told() -> None:
    shop = a_shop()
    assert shop.audit(remembers=1).clean
    assert shop.audit(shop.alerts[:2], remembers=1).clean
    assert told(shop.audit(shop.alerts[:1], remembers=1)) == [("CLOCK:1 at seq 8", "reorder.triggered", "nothing")]
    assert told(shop.audit(shop.alerts[1:3], remembers=1)) == [("CLOCK:1 at seq 8", "stock.low", "nothing")]


def test_an_alert_that_is_not_so() -> None:
    shop = a_shop()
    shop.tell("stock.low", 3, 5, 120)
    shop.tell("stock.low", 4, 6, 120)
    shop.tell("stock.low", 4, 5, 20)
    shop.tell("stock.recovered", 4, 5)
    shop.tell("stock.low", 4, 5, 120, occurred_at_ms=shop.decide.now + 1)
    shop.tell("reorder.triggered", 4, 5, 20)
    findings = shop.audit()
    assert {difference.where for difference in findings.differences} == {"CLOCK:1 at seq 8"}
    assert findings.count == 6


def test_a_reorder_of_a_position_that_is_not_low() -> None:
    shop = Shop()
    shop.window(reorder(1, 5), moved("receive", 2, 9))
    shop.tell("reorder.triggered", 9, 5, 20)
    [difference] = shop.audit().differences
    assert (difference.where, "stock.recovered" in difference.wanted) == ("CLOCK:1 at seq 2", True)


def test_an_alert_of_nowhere() -> None:
    shop = a_shop()
    last, triggered, many = *shop.alerts[-2:], len(shop.alerts)
    for id, found in ((b"1/8/CLOCK:1", 1), (b"0/8/CLOCK:2", 1), (b"0/0/CLOCK:1", 1), (None, 1), (b"0/999/CLOCK:1", 0)):
        shop.alerts[many:] = [last._replace(headers=[("ce_id", id), *last.headers[1:]])]
        assert shop.audit().count == found, id
    for alert, other in ((last, triggered), (triggered, last)):
        shop.alerts[many:] = [alert._replace(headers=[other.headers[0], *alert.headers[1:]])]
        assert shop.audit().count == 1, "an id of the other kind"
    for id in (b"0/%b/CLOCK:1", b"%b/8/CLOCK:1"):
        shop.alerts[many:] = [last._replace(headers=[("ce_id", id % (b"9" * 5_000)), *last.headers[1:]])]
        assert shop.audit().count == 1, "more digits than a number may have"
    body = json.loads(last.value)
    wrong = [{name: value} for name in body for value in ([], "x", 1.5) if (name, value) != ("sku_id", "x")]
    values = (None, b"\xff", b"{}", b"[" * 9_999, *(json.dumps(body | field).encode() for field in wrong))
    shop.alerts[many:] = [last._replace(value=value) for value in values]
    assert shop.audit().count == len(values) > 20
    shop.alerts[many:] = [Record(0, 0, None, None, [("ce_type", kind)]) for kind in (None, b"\xff", b"drift.found")]
    assert shop.audit().clean
    elsewhere = json.dumps({**json.loads(last.value), "warehouse_id": 2}).encode()
    shop.alerts[many:] = [last._replace(value=elsewhere, headers=[("ce_id", b"0/8/CLOCK:2"), *last.headers[1:]])]
    assert [where for where, *_ in told(shop.audit())] == ["CLOCK:2 at seq 8"], "it has no reorder point"


FELL = {("CLOCK:1", "stock.low"), ("CLOCK:1", "reorder.triggered")}


def test_a_window_that_is_not_told_yet() -> None:
    shop = a_shop()
    shop.audit(shop.alerts[:3])
    shop.view.crossings |= FELL
    for alert in shop.alerts[-2:]:
        assert shop.found.missing
        shop.found.hear(alert)
    assert not shop.found.missing
    late = Shop()
    late.window(reorder(1, 5))
    late.audit()
    late.view.crossings |= FELL
    for whole in (True, False):  # where it is not whole, the alert may have been told in what is gone
        findings, again = Findings(), Deciding()
        waiting = Alerts(0, late.view, whole, findings)
        assert waiting.missing is whole
        again.books.enter(dict(late.decisions[0]))
        waiting.enter(late.decisions[0], again.books)
        assert (findings.clean, waiting.late) == (True, 2 * whole)


def test_a_suggestion_covers_seven_days() -> None:
    shop = Shop()
    shop.window(reorder(1, 5), moved("receive", 2, 9))
    for day in (1, 2, 8):
        shop.window(reserve(10 + day, 100 * day), at_ms=day * DAY_MS + 5)
    shop.window(moved("ship", 30, 9))
    shop.fell(0, 5, 20 + 200 + 800)
    assert shop.audit().clean
