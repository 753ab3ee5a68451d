"""The world: the logs of the partitions, their lanes, owners that lost their partition and do not know, and what was told."""

import json
import random
from collections import defaultdict, deque
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

from onhand.deploy.audit.oracle import Decision, Oracle
from onhand.schemas.codec import decode_command, use_hash
from onhand.schemas.commands import Reserve
from onhand.schemas.partitioner import partition_of
from onhand.schemas.signing import HEADER
from onhand.schemas.slips import Passed
from tests.gate_driver import KEYRING, SWEEP, Record
from tests.scenarios import START_MS
from tests.simulation.legs.checks import adds_up, check_end
from tests.simulation.legs.engines import Engine, Slip
from tests.simulation.legs.lanes import Lane, Telling
from tests.simulation.legs.places import Broken

WINDOW_MS = 10_000
LONGEST_MS = 60_000
"""The longest that a hold may last from a command on."""
_SWEEP_HEADERS = ((HEADER, KEYRING.sign(SWEEP).encode()),)
_ENDLESS = 2_000
"""Records of a log at which it never ends."""


class Asked(NamedTuple):
    """A client's command: which use of its id it is. `knew`: it is about an id whose command the client had seen complete."""

    use: str
    knew: str | None


class Zombie(NamedTuple):
    """An owner that lost its partition, and what it has yet to append."""

    partition: int
    left: deque[Slip | Telling]


class World:
    """Partitions whose clocks differ by `skews`. `engine` makes the state of a partition, from its number and its log.

    All steps are methods; a step that cannot be done does nothing. `Broken` where what must hold does not.
    """

    def __init__(
        self, engine: Callable[[int, list[Record]], Engine], skews: Sequence[int], lane: type[Lane] = Lane
    ) -> None:
        self.partitions = len(skews)
        self.skews = skews
        self.now = START_MS
        self.logs: list[list[Record]] = [[] for _ in skews]
        self.told: list[list[Decision]] = [[] for _ in skews]
        self.lanes = [lane(engine(partition, log)) for partition, log in enumerate(self.logs)]
        self.zombies: list[Zombie] = []
        self.requests: list[Any] = []
        """Commands that clients gave to the router."""
        self.routed = 0
        """So many of them were passed on."""
        self.asked: defaultdict[str, list[Asked]] = defaultdict(list)
        self.orders: dict[int, dict[str, int]] = {}
        """Units by position of each order, by the hash of its use."""
        self.events: list[tuple[Any, ...]] = []

    @property
    def oracles(self) -> list[Oracle]:
        """The partitions' states."""
        return [lane.engine.oracle for lane in self.lanes]

    def ask(self, body: dict[str, Any], knew: str | None = None) -> None:
        """A client's command, where its position belongs."""
        value = json.dumps(body).encode()
        self._append(self._wished(value, knew), value, ())

    def request(self, body: dict[str, Any], knew: str | None = None) -> None:
        """A client's command, by way of the router."""
        value = json.dumps(body).encode()
        self.requests.append((self._wished(value, knew), decode_command(value)))

    def route(self) -> None:
        """The router passes the next request on."""
        if self.routed < len(self.requests):
            self.routed += 1
            self.route_again(self.routed - 1)

    def route_again(self, number: int) -> None:
        """The router, or one that was before it, passes a request on that it has passed on before."""
        to, command = self.requests[number]
        self._emit(-1, Slip(to, Passed(command=command, stamp=(-1, number, 0), to=to).to_json()))

    def _wished(self, value: bytes, knew: str | None) -> int:
        """Keeps what is asked; the partition that it belongs to."""
        command: Any = decode_command(value)
        if isinstance(command, Reserve):
            self.orders[use_hash(command.use)] = command.folded()
        self.asked[command.id].append(Asked(command.use, knew))
        return partition_of(command.position, self.partitions)

    def sweep(self, partition: int) -> None:
        """By the sweeper."""
        self._append(partition, SWEEP, _SWEEP_HEADERS)

    def decide(self, partition: int, count: int) -> None:
        """The lane decides the next records of its log, so many at most."""
        lane = self.lanes[partition]
        first = lane.engine.mark + 1
        records = self.logs[partition][first : first + count]
        if records:
            decided = lane.decide(records)
            self.events += [(partition, "decides", decision) for decision in decided.decisions]
            adds_up(lane.engine.oracle)

    def publish(self, partition: int) -> None:
        """The lane appends the next thing."""
        self._emit(partition, self.lanes[partition].step())

    def crash(self, partition: int, zombie: bool) -> None:
        """Another owner comes; the one before is dead, or appends what it has left when it likes."""
        left = self.lanes[partition].recover()
        self.events.append((partition, "crashes", "and goes on as a zombie" if zombie and left else ""))
        if zombie and left:
            self.zombies.append(Zombie(partition, left))

    def wake(self, number: int) -> None:
        """A zombie appends its next thing."""
        zombie = self.zombies[number]
        self._emit(zombie.partition, zombie.left.popleft())
        if not zombie.left:
            del self.zombies[number]

    def save(self, partition: int) -> Any:
        """A copy of the partition's state, for later."""
        return self.lanes[partition].engine.save()

    def put_back(self, partition: int, saved: Any, zombie: bool) -> None:
        """The store fails over to an earlier state, and a new owner finds that."""
        self.lanes[partition].engine.put_back(saved)
        self.events.append((partition, "goes back to", self.lanes[partition].engine.mark))
        self.crash(partition, zombie)

    def drain(self, dice: random.Random) -> None:
        """Router and lanes until nothing is left to do, in any order."""
        while self.routed < len(self.requests):
            self.route()
        while busy := [partition for partition in range(self.partitions) if self._is_busy(partition)]:
            partition = dice.choice(busy)
            self.decide(partition, 3)
            while self.lanes[partition].ahead:
                self.publish(partition)
            if len(self.logs[partition]) > _ENDLESS:
                raise Broken(f"the log of {partition} never ends")

    def end(self, dice: random.Random) -> None:
        """All is decided, swept beyond every expiry, zombies append their last, ids are forgotten, and once more. Then it is checked."""
        self.drain(dice)
        for pause_ms in (LONGEST_MS, LONGEST_MS, 3 * WINDOW_MS):
            self.now += pause_ms
            for partition, oracle in enumerate(self.oracles):
                for _ in range(1 + len(oracle.holds)):
                    self.sweep(partition)
            self.drain(dice)
            while self.zombies:
                self.wake(dice.randrange(len(self.zombies)))
            if self.requests:
                self.route_again(dice.randrange(len(self.requests)))
            self.drain(dice)
        check_end(self)

    def _is_busy(self, partition: int) -> bool:
        lane = self.lanes[partition]
        return bool(lane.ahead) or lane.engine.mark + 1 < len(self.logs[partition])

    def _emit(self, partition: int, step: Slip | Telling | None) -> None:
        match step:
            case Slip(to, value):
                self._append(to, value, ((HEADER, KEYRING.sign(value).encode()),))
            case Telling(decision):
                self.told[partition].append(decision)
                self.events.append((partition, "tells seq", decision["seq"]))

    def _append(self, partition: int, value: bytes, headers: Sequence[tuple[str, bytes]]) -> None:
        log, at_ms = self.logs[partition], self.now + self.skews[partition]
        log.append(Record(len(log), at_ms, value, headers))
        self.events.append((partition, f"log[{len(log) - 1}] at {at_ms}:", value.decode()))

    def story(self) -> str:
        """All that happened, a line for each."""
        return "\n".join(" ".join(map(str, event)) for event in self.events)
