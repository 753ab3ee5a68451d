"""Reading lines: what each wishes for, or what is wrong with it."""

import asyncio
from dataclasses import dataclass

from onhand.agents.gateway.batch import answers
from onhand.agents.gateway.batch.forms import Form
from onhand.agents.gateway.batch.lines import Block
from onhand.agents.gateway.batch.wishes import IdOf, Wish, wish
from onhand.schemas.codec import Malformed

_TURN = 100


@dataclass(frozen=True, slots=True)
class Reading:
    """How the lines of a batch are read. `most`: the number of the last line that is."""

    form: Form
    id_of: IdOf
    partitions: int
    most: float

    async def read(self, block: Block) -> list[Wish | bytes]:
        """A wish or an answer for each line. Other requests get their turns meanwhile."""
        read: list[Wish | bytes] = []
        for at in range(0, len(block.lines), _TURN):
            read += [
                self._one(number, line) for number, line in enumerate(block.lines[at : at + _TURN], block.first + at)
            ]
            await asyncio.sleep(0)
        return read

    def _one(self, number: int, line: bytes) -> Wish | bytes:
        try:
            if number > self.most:
                raise Malformed(f"line: a batch with an Idempotency-Key has at most {self.most:,} lines")
            return wish(number, line, self.form, self.id_of, self.partitions)
        except Malformed as error:
            return answers.error(number, error.message)
