"""Reading the story of a position out of two topics: decisions first, then the commands that they name."""

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, closing, contextmanager
from typing import Any, NamedTuple

from confluent_kafka import Message

from onhand.deploy.why.log import Finder, Log, faults_told, partitions_of
from onhand.deploy.why.story import NOTHING, Entry, Level, Step, entries, steps
from onhand.schemas.decisions import Decision
from onhand.schemas.partitioner import partition_of
from onhand.schemas.topics import COMMANDS, DECISIONS

Progress = Callable[[int, int], None]
"""Told how many records are read, of how many."""
Bar = Callable[[], AbstractContextManager[Progress]]
"""Shows progress for as long as its `with`."""


class Story(NamedTuple):
    """A position as it was at a time, and how it came to that.

    `level` is None where the log does not reach back far enough to tell; `is_whole` says whether the story begins with the position.
    """

    level: Level | None
    is_whole: bool
    entries: Iterator[Entry]


@contextmanager
def story_of(config: dict[str, Any], position: str, until_ms: int | None, bar: Bar) -> Iterator[Story]:
    """The story up to that time, or to the end; its entries can be read within the `with`. `Retryable` where Kafka is away.

    In memory are the decisions about this position alone.
    """
    with faults_told():
        partition = partition_of(position, partitions_of(config, DECISIONS))
        with closing(Log(config, DECISIONS, partition)) as log, bar() as progress:
            first, _ = log.bounds()
            found = list(steps(_decisions(log, position, until_ms, progress)))
        past = [step for step in found if until_ms is None or step.decision.decided_at_ms <= until_ms]
        with closing(Log(config, COMMANDS, partition)) as log:
            yield Story(
                _level(past, found, first),
                first == 0 or bool(found and found[0].before == NOTHING),
                entries(past, partition, Finder(log).value_at),
            )


def _level(past: list[Step], found: list[Step], first_offset: int) -> Level | None:
    """What the position held behind its past: by the last step, or by the one that comes next."""
    if past:
        return past[-1].after
    if found:
        return found[0].before
    return NOTHING if first_offset == 0 else None


def _decisions(log: Log, position: str, until_ms: int | None, progress: Progress) -> Iterator[Decision]:
    """The decisions about the position, to the end of the log; or, some thousand records behind it, to that time."""
    first, end = log.bounds()
    key = position.encode()
    for piece in log.pieces(first, end):
        for record in piece:
            decision = _decision(record) if record.key() == key else None
            if decision is not None and decision.position == position:
                yield decision
        if until_ms is not None and _is_behind(piece, until_ms):
            return
        progress((piece[-1].offset() or 0) + 1 - first, end - first)


def _is_behind(piece: list[Message], time_ms: int) -> bool:
    """Whether all that follows was decided after that time: a partition's clock does not fall."""
    last = _decision(piece[-1]) if piece else None
    return last is not None and last.decided_at_ms > time_ms


def _decision(record: Message) -> Decision | None:
    """None where it is none: a stranger's record."""
    try:
        return Decision.from_json(record.value())
    except ValueError:
        return None
