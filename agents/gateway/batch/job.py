"""A batch under way: lines in, commands to the log, decisions back, answers out, all at the same time and each in order."""

import asyncio
from collections.abc import Collection, Iterator, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass, field

import structlog

from onhand.agents.gateway.batch import answers
from onhand.agents.gateway.batch.kept import Nothing, Recalled
from onhand.agents.gateway.batch.lines import Block, Lines
from onhand.agents.gateway.batch.outbox import Outbox
from onhand.agents.gateway.batch.reading import Reading
from onhand.agents.gateway.batch.wishes import Wish
from onhand.agents.gateway.desk import Desk
from onhand.agents.gateway.locking import NO_QUORUM, Hold, JobLocks
from onhand.agents.gateway.waiting import Crowd
from onhand.agents.lanes import cancel
from onhand.agents.ports import Headers, Message
from onhand.lua.locks import NoQuorum, Taken
from onhand.schemas.faults import Retryable

log = structlog.get_logger("batch")

_BLOCKS_UNDER_WAY = 4
"""Blocks that wait for their decisions: at most 4,000 lines."""


@dataclass(slots=True)
class _Part:
    """Lines that go together: `read` in order, answers or wishes. `told` are answers by line, `sent` waits in `crowd`."""

    read: Sequence[Wish | bytes]
    recalled: Recalled = field(default_factory=lambda: Recalled({}, {}))
    told: dict[int, bytes] = field(default_factory=dict)
    sent: Sequence[Wish] = ()
    crowd: Crowd | None = None
    hold: Hold | None = None
    closing: AsyncExitStack = field(default_factory=AsyncExitStack)

    @property
    def wishes(self) -> list[Wish]:
        """Those that were understood."""
        return [each for each in self.read if isinstance(each, Wish)]


class Job:
    """`run` it beside sending what is in `outbox`. `whole`: every line was answered; where it is not, the caller may ask again."""

    def __init__(
        self, desk: Desk, lines: Lines, reading: Reading, kept: Nothing, locks: JobLocks, headers: Headers
    ) -> None:
        self.whole = False
        self.outbox = Outbox()
        self._desk, self._lines, self._reading, self._kept, self._locks = desk, lines, reading, kept, locks
        self._headers = headers
        self._window = asyncio.Semaphore(_BLOCKS_UNDER_WAY)
        self._under_way: dict[asyncio.Task[bytes], frozenset[str]] = {}
        self._broken = False

    async def run(self) -> None:
        """Until the lines end, or a server is away."""
        try:
            async for block in self._lines.blocks():
                await self._block(block)
                if self._broken:
                    break
            await self._landed()
            self.whole = self._lines.whole and not self._broken
        except Retryable as fault:
            log.warning("a batch breaks off", fault=str(fault))
        finally:
            self.outbox.close()

    async def close(self) -> None:
        """Wait for nothing any more."""
        await self._lines.close()
        await cancel(*self._under_way)

    async def _block(self, block: Block) -> None:
        read = await self._reading.read(block)
        for each in _apart(read):
            await self.outbox.room.wait()
            await self._window.acquire()
            part = _Part(each)
            wishes = part.wishes
            needed = {wish.id for wish in wishes} | {wish.position for wish in wishes}
            if not all(needed.isdisjoint(taken) for taken in self._under_way.values()):
                await self._landed()
            try:
                await self._take_off(part)
            except BaseException:
                await part.closing.aclose()
                raise
            self._expect(part, frozenset(name for wish in wishes for name in _taken(wish)))

    def _expect(self, part: _Part, taken: frozenset[str]) -> None:
        landing = asyncio.create_task(self._land(part))
        self._under_way[landing] = taken
        landing.add_done_callback(self._landed_one)
        self.outbox.expect(landing)

    def _landed_one(self, landing: "asyncio.Task[bytes]") -> None:
        del self._under_way[landing]
        self._window.release()

    async def _landed(self) -> None:
        """Wait until nothing is under way; what went wrong there is told by the outbox."""
        while self._under_way:
            await asyncio.wait(self._under_way)

    async def _take_off(self, part: _Part) -> None:
        """Send what is to be sent. Parts do so one after the other: commands of a position stay in the order of their lines."""
        part.recalled = await self._kept.recall(part.wishes)
        part.told |= part.recalled.answers
        part.hold = await self._locked(part)
        part.closing.push_async_callback(part.hold.release)
        part.sent = [wish for wish in part.wishes if wish.line not in part.told]
        part.crowd = part.closing.enter_context(self._desk.decided.of_all([wish.id for wish in part.sent]))
        await self._kept.note(part.sent, part.recalled)
        if not part.hold.held:
            raise Retryable("locks: lost before their work was done")
        try:
            await self._desk.append(self._messages(part.sent))
        except Retryable as fault:
            log.warning("a batch breaks off", fault=str(fault))
            self._break_off()
            part.crowd.settled.set()

    def _break_off(self) -> None:
        self._broken = True
        self._lines.stop()

    async def _locked(self, part: _Part) -> Hold:
        """Lock the positions that lines of this part count or move between warehouses.

        Of this part alone: who locked all positions of a batch at once would keep everybody off them for minutes, would have to know
        them before the first line is done, and a single taken one would refuse the batch. Receipts, sales and the like take no lock.
        What somebody else holds is refused line by line; the other lines go on.
        """
        while True:
            wishes = [wish for wish in part.wishes if wish.positions and wish.line not in part.told]
            try:
                return await self._locks.hold([position for wish in wishes for position in wish.positions])
            except Taken as taken:
                _refuse(part, [wish for wish in wishes if taken.position in wish.positions], f"locked: {taken}")
            except NoQuorum:
                _refuse(part, wishes, f"unavailable: {NO_QUORUM}")

    def _messages(self, wishes: Collection[Wish]) -> dict[int, list[Message]]:
        messages: dict[int, list[Message]] = {}
        for wish in wishes:
            messages.setdefault(wish.partition, []).append(Message(wish.position.encode(), wish.value, self._headers))
        return messages

    async def _land(self, part: _Part) -> bytes:
        """Wait for the decisions; all answers of the part, each with its line break."""
        assert part.crowd is not None
        assert part.hold is not None
        async with part.closing:
            try:
                async with asyncio.timeout(self._desk.patience_s):
                    await part.crowd.settled.wait()
            except TimeoutError:
                self._break_off()
            locked = part.hold.locked
            told = part.crowd.told
            decided = {
                wish.line: answers.decided(wish, told[wish.id], locked if wish.positions else None)
                for wish in part.sent
                if wish.id in told
            }
        await self._kept.keep(decided, part.recalled)
        return self._answers(part, decided)

    def _answers(self, part: _Part, decided: dict[int, bytes]) -> bytes:
        known = part.told | decided
        late = "timeout: no decision came in time; the same line under the same id tells"
        lines = [
            each if isinstance(each, bytes) else known.get(each.line) or answers.error(each.line, late, each.id)
            for each in part.read
        ]
        return b"\n".join([*lines, b""])


def _refuse(part: _Part, wishes: Collection[Wish], why: str) -> None:
    part.told |= {wish.line: answers.error(wish.line, why, wish.id) for wish in wishes}


def _taken(wish: Wish) -> tuple[str, ...]:
    """What later lines have to wait for: its id, and where a transfer goes, since its units get there by a hop of its own."""
    return (wish.id, *wish.positions[1:])


def _apart(read: Sequence[Wish | bytes]) -> Iterator[Sequence[Wish | bytes]]:
    """Cut so that no line has to wait for another one of its part."""
    start, taken = 0, set[str]()
    for at, each in enumerate(read):
        if isinstance(each, Wish):
            if each.id in taken or each.position in taken:
                yield read[start:at]
                start, taken = at, set()
            taken.update(_taken(each))
    yield read[start:]
