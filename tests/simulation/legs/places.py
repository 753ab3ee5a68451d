"""Where stock is: one SKU at two warehouses of each partition, so that units can be sent from any place to any other."""

from functools import cache
from itertools import count

from onhand.schemas.partitioner import partition_of

SKU = "S"
EACH = 2


class Broken(AssertionError):
    """What must hold does not; the message says what."""


@cache
def warehouses(partitions: int) -> tuple[int, ...]:
    """The warehouses, partition by partition."""
    return tuple(number for partition in range(partitions) for number in _of(partition, partitions))


def position(warehouse_id: int) -> str:
    """The position there."""
    return f"{SKU}:{warehouse_id}"


@cache
def home_of(warehouse_id: int, partitions: int) -> int:
    """The partition of that position."""
    return partition_of(position(warehouse_id), partitions)


def _of(partition: int, partitions: int) -> list[int]:
    numbers = (n for n in count(1) if home_of(n, partitions) == partition)
    return [next(numbers) for _ in range(EACH)]
