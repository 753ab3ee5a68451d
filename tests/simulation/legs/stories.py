"""What a reader of the decisions knows, put in order by what it is about."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from typing import Any

from onhand.deploy.audit.oracle import Decision
from onhand.schemas.positions import position_key
from tests.simulation.legs.places import Broken

Key = tuple[Any, ...]
"""A reservation: of an order its id and use, of a one-line one its partition, its id and which time there."""
Use = tuple[str, int, int]
"""Of a transfer: its id, the hash of its body, the clock at which it was opened."""

_ENDS = "committed", "released", "expired"
_DONE = "applied", "committed", "released", "extended", "reserved"
_SIGNS = {"receive": 1, "return": 1, "ship": -1, "adjust": 1, "count": 1}


def heard(told: Iterable[Decision]) -> list[Decision]:
    """As a consumer has them that drops what is not above its last. `Broken` for a gap, and for a repeat that is not the same."""
    kept: list[Decision] = []
    for decision in told:
        seq = decision["seq"]
        if seq > len(kept) + 1:
            raise Broken(f"seq jumps from {len(kept)} to {seq}: {decision}")
        if seq <= len(kept) and kept[seq - 1] != decision:
            raise Broken(f"told in two ways: {kept[seq - 1]} {decision}")
        if seq > len(kept):
            kept.append(decision)
    return kept


def place(decision: Decision) -> str:
    """The position of a decision that has one."""
    return position_key(decision["sku_id"], decision["warehouse_id"])


class Stories:
    """All decisions of all partitions. Take them partition by partition, in order of seq."""

    def __init__(self) -> None:
        self.reserved: defaultdict[Key, dict[str, Decision]] = defaultdict(dict)
        self.ended: defaultdict[Key, dict[str, list[Decision]]] = defaultdict(lambda: defaultdict(list))
        self.settled: defaultdict[Key, list[Decision]] = defaultdict(list)
        """Complete answers to a reserve that are no repeats."""
        self.answers: defaultdict[str, list[Decision]] = defaultdict(list)
        """Complete decisions by the id that was asked."""
        self.done: defaultdict[str, list[Decision]] = defaultdict(list)
        self.over: defaultdict[str, list[int]] = defaultdict(list)
        """At which clocks a reservation or transfer ended, wholly or in part, by its id."""
        self.in_transit: Counter[Use] = Counter()
        self.flow = 0
        """Units that came in, less those that went out."""
        self._times: Counter[tuple[int, str]] = Counter()
        self._expiry: dict[Key, int] = {}

    def take(self, partition: int, decisions: Sequence[Decision]) -> None:
        """All of a partition."""
        for decision in decisions:
            if decision["complete"] and decision["type"] != "expire":
                self.answers[decision["id"]].append(decision)
            if not decision.get("replayed"):
                self._take(partition, decision)

    def _take(self, partition: int, decision: Decision) -> None:
        outcome, kind = decision["outcome"], decision["type"]
        if decision["complete"] and outcome in _DONE and "id" in decision and kind != "expire":
            self.done[decision["id"]].append(decision)
        if kind == "reserve":
            self._reserve(partition, decision)
        elif outcome in (*_ENDS, "extended"):
            self._of_reservation(partition, decision)
        elif outcome == "applied" and kind in ("transfer", "arrive"):
            self._transfer(decision)
        elif outcome == "applied":
            self.flow += _SIGNS[kind] * decision["quantity"]

    def _reserve(self, partition: int, decision: Decision) -> None:
        key = self._key(partition, decision, begins=decision["outcome"] == "reserved")
        if decision["outcome"] == "reserved":
            self.reserved[key][place(decision)] = decision
            self._expiry[partition, *key] = decision["expires_at_ms"]
            if decision["expires_at_ms"] <= decision["decided_at_ms"]:
                raise Broken(f"reserved when it had expired: {decision}")
        if decision["complete"] and ("use" in decision or decision["outcome"] == "reserved"):
            self.settled[key].append(decision)

    def _of_reservation(self, partition: int, decision: Decision) -> None:
        key, clock = self._key(partition, decision), decision["decided_at_ms"]
        if decision["outcome"] == "extended":
            self._expiry[partition, *key] = decision["expires_at_ms"]
            return
        if decision["type"] == "expire" and decision["complete"] and self._expiry[partition, *key] > clock:
            raise Broken(f"expired too early, before {self._expiry[partition, *key]}: {decision}")
        self.ended[key][place(decision)].append(decision)
        self.over[decision["reservation_id"]].append(clock)
        self.flow -= decision["quantity"] if decision["outcome"] == "committed" else 0

    def _transfer(self, decision: Decision) -> None:
        use, quantity = decision["use"], decision["quantity"]
        key = decision["transfer_id"], use["hash"], use["opened_at_ms"]
        if decision["type"] == "arrive":
            self.in_transit[key] += decision.get("discrepancy", 0) - quantity
            self.flow += decision.get("discrepancy", 0)
        else:
            self.in_transit[key] += quantity if "id" in decision and decision["line"] == 0 else -quantity
        if "id" not in decision or decision["type"] == "arrive":
            self.over[decision["transfer_id"]].append(decision["decided_at_ms"])

    def _key(self, partition: int, decision: Decision, begins: bool = False) -> Key:
        id = decision["reservation_id"]
        if "use" in decision:
            return id, decision["use"]["hash"], decision["use"]["opened_at_ms"]
        self._times[partition, id] += begins
        return partition, id, self._times[partition, id]
