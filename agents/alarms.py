"""An alarm stops a lane until an operator has looked: `onhand resume` clears it once the cause is gone."""

from typing import NamedTuple, Protocol


class Alarm(Exception):
    """Going on would be wrong, and trying again would not help. `code` is for machines, `message` for people."""

    def __init__(self, code: str, message: str, offset: int) -> None:
        super().__init__(f"{code} at offset {offset}: {message}")
        self.code = code
        self.message = message
        self.offset = offset


class StoredAlarm(NamedTuple):
    """An alarm as `onhand status` shows it."""

    code: str
    message: str
    offset: int


class Alarms(Protocol):
    """Where a role keeps the alarms of its partitions. All raise `Retryable`."""

    async def raise_alarm(self, partition: int, code: str, message: str, offset: int) -> None: ...
    async def alarmed(self, partition: int) -> bool: ...
