"""What partitions send each other: each slip stands once and in order in the log of its partition, and nothing else does.

A slip is known by its stamp: partition, offset and index of the record that caused it. Of each only the stamp and a hash are kept.
"""

from array import array
from bisect import bisect_left
from collections import defaultdict
from collections.abc import Iterator

from onhand.deploy.audit.findings import Findings

_INDEX_BITS = 20
_MOST_INDEX, _MOST_OFFSET = (1 << _INDEX_BITS) - 1, (1 << 63 - _INDEX_BITS) - 1

Stamp = tuple[int, int, int]


class Slips:
    """Slips of one partition to another, in their order: 16 bytes each."""

    def __init__(self) -> None:
        self._places = array("q")
        self._hashes = array("q")

    def append(self, place: int, value: bytes) -> None:
        """The next one; `place` is above all before."""
        self._places.append(place)
        self._hashes.append(hash(value))

    @property
    def last(self) -> int:
        """The place of the last one, or -1."""
        return self._places[-1] if self._places else -1

    def is_there(self, place: int, value: bytes) -> bool:
        """Whether the same stands at that place."""
        at = bisect_left(self._places, place)
        return self._places[at : at + 1] == array("q", (place,)) and self._hashes[at] == hash(value)

    def __iter__(self) -> Iterator[tuple[int, int]]:
        return zip(self._places, self._hashes, strict=True)


class Links:
    """The slips of a system: first what every partition `made` and what `stands` in its log, then `compare`."""

    def __init__(self, findings: Findings) -> None:
        self._findings = findings
        self._made: defaultdict[tuple[int, int], Slips] = defaultdict(Slips)
        self._found: defaultdict[tuple[int, int], Slips] = defaultdict(Slips)
        self._decided: dict[int, tuple[int, int]] = {}

    def made(self, source: int, offset: int, forwards: list[tuple[int, bytes]]) -> None:
        """What a record must send."""
        for index, (target, value) in enumerate(forwards):
            self._made[source, target].append(_place(offset, index), value)

    def stands(self, target: int, at: int, stamp: Stamp, value: bytes) -> None:
        """A slip in a partition's log. Copies of earlier ones are the same; those of the router are nobody's here."""
        source, offset, index = stamp
        if source < 0:
            return
        found, place = self._found[source, target], _place(offset, index)
        if place > found.last:
            found.append(place, value)
        elif not found.is_there(place, value):
            where = f"offset {at}, from {source}/{offset}/{index}"
            self._findings.differ("slip", target, where, "a copy of what came before", value)

    def decided(self, partition: int, end: int, certain: int) -> None:
        """A partition was decided again up to offset `end`; what its records before `certain` send must stand in the logs."""
        self._decided[partition] = end, certain

    def compare(self) -> None:
        """Between partitions that were decided again."""
        late = 0
        for source, target in self._made.keys() | self._found.keys():
            if source in self._decided and target in self._decided:
                late += self._compare(source, target)
        if late:
            self._findings.notes.append(f"{late} slips between partitions are not sent yet")

    def _compare(self, source: int, target: int) -> int:
        """One link; returns how many are not there yet."""
        end, certain = self._decided[source]
        made, found, late = dict(self._made[source, target]), dict(self._found[source, target]), 0
        for place, mark in found.items():
            if place >> _INDEX_BITS <= end:
                self._findings.compared["slip"] += 1
                if made.get(place) != mark:
                    wanted = "another one" if place in made else None
                    self._findings.differ("slip", target, _where(source, place), wanted, "what is there")
        for place in made.keys() - found.keys():
            if place >> _INDEX_BITS < certain:
                self._findings.differ("slip", target, _where(source, place), "sent", None)
            else:
                late += 1
        return late


def _place(offset: int, index: int) -> int:
    """Stamps of one partition in their order, as one number. No record sends a million slips: a sweep has a limit."""
    return min(offset, _MOST_OFFSET) << _INDEX_BITS | max(0, min(index, _MOST_INDEX))


def _where(source: int, place: int) -> str:
    return f"from {source}/{place >> _INDEX_BITS}/{place & _MOST_INDEX}"
