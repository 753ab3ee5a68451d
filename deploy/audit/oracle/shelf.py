"""What a partition has: stock, holds, transfers on their way, and what it remembers."""

import heapq

from onhand.deploy.audit.state import Hold, Memory, Open, Stock
from onhand.schemas.outcomes import Outcome

_NOTHING = Stock()


class Shelf:
    """Its state may be read between records: `positions`, `holds` by reservation id, `opens` by transfer id, `remembered` by
    generation (``clock // window_ms``) and id, `seen` by the partition that slips come from: the greatest offset and index.

    `touched` names what the last record changed.
    """

    def __init__(self, window_ms: int) -> None:
        self.window_ms = window_ms
        self.clock = 0
        self.positions: dict[str, Stock] = {}
        self.holds: dict[str, Hold] = {}
        self.opens: dict[str, Open] = {}
        self.remembered: dict[int, dict[str, Memory]] = {}
        self.seen: dict[int, tuple[int, int]] = {}
        self.touched: list[tuple[str, str]] = []
        self._due: list[tuple[int, str]] = []

    def at(self, position: str) -> Stock:
        """The numbers of a position."""
        return self.positions.get(position, _NOTHING)

    def change(self, position: str, available: int = 0, reserved: int = 0) -> None:
        """Adds to the numbers of a position, which makes a new version of it."""
        stock = self.at(position)
        self.positions[position] = Stock(stock.available + available, stock.reserved + reserved, stock.version + 1)
        self.touched.append(("position", position))

    def hold(self, name: str, hold: Hold) -> None:
        """Sets a hold, also in the place of the one before. Only its home ends it by time."""
        self.holds[name] = hold
        if hold.is_home:
            heapq.heappush(self._due, (hold.expires_at_ms, name))
        self.touched.append(("hold", name))

    def next_due(self) -> tuple[str, Hold] | None:
        """Takes the reservation out of the queue that is due the earliest, then by id, if one is."""
        while self._due and self._due[0][0] <= self.clock:
            expires, name = heapq.heappop(self._due)
            hold = self.holds.get(name)
            if hold is not None and hold.is_home and hold.expires_at_ms == expires:
                return name, hold  # others ended or were extended since
        return None

    def end(self, name: str, hold: Hold, outcome: Outcome) -> None:
        """A reservation's end in this partition, which is remembered."""
        self.let_go(name, hold, sold=outcome is Outcome.COMMITTED)
        if hold.order is None:
            ended = Memory(hold.body, Outcome.RESERVED, hold.quantity, outcome, hold.position)
        else:
            opened_at_ms, lines = hold.order.opened_at_ms, hold.order.lines
            ended = Memory(hold.body, Outcome.RESERVED, None, outcome, None, opened_at_ms, lines)
        self.remember(name, ended)

    def let_go(self, name: str, hold: Hold, sold: bool) -> None:
        """The only way in which a hold ends."""
        for position, units, _ in hold.lines:
            self.change(position, 0 if sold else units, -units)
        del self.holds[name]
        self.touched.append(("hold", name))

    def open(self, name: str, transfer: Open) -> None:
        """Sets a transfer that is on its way here."""
        self.opens[name] = transfer
        self.touched.append(("open", name))

    def close(self, name: str) -> None:
        """A transfer has arrived, which is remembered."""
        transfer = self.opens.pop(name)
        self.touched.append(("open", name))
        how, where, opened_at_ms = Outcome.APPLIED, transfer.destination, transfer.opened_at_ms
        self.remember(name, Memory(transfer.body, how, None, how, where, opened_at_ms))

    def known(self, name: str) -> Memory | None:
        """What was done under an id: a reservation or transfer that is still active, or what the window remembers."""
        hold = self.holds.get(name)
        if hold is not None:
            opened_at_ms = None if hold.order is None else hold.order.opened_at_ms
            return Memory(hold.body, Outcome.RESERVED, hold.quantity, opened_at_ms=opened_at_ms)
        transfer = self.opens.get(name)
        if transfer is not None:
            return Memory(transfer.body, Outcome.APPLIED, None, opened_at_ms=transfer.opened_at_ms)
        return self.recall(name)

    def recall(self, name: str) -> Memory | None:
        """What the window remembers; the newest, where something was remembered of an id again."""
        for done in reversed(self.remembered.values()):  # generations begin in their order
            if name in done:
                return done[name]
        return None

    def remember(self, name: str, memory: Memory) -> None:
        """Until the generation after this one has ended, too."""
        self.remembered.setdefault(self.clock // self.window_ms, {})[name] = memory
        self.touched.append(("memory", name))

    def tick(self, timestamp_ms: int) -> None:
        """The clock goes on and never back. Of what was done, its generation and the one before are remembered."""
        if timestamp_ms > self.clock:
            self.clock = timestamp_ms
            oldest = timestamp_ms // self.window_ms - 1
            while self.remembered and min(self.remembered) < oldest:
                del self.remembered[min(self.remembered)]
