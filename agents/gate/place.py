"""Where a lane stands."""

from typing import NamedTuple

from onhand.schemas.signing import Keyring


class Place(NamedTuple):
    """A partition of the commands, among how many, and the keys that sign what it sends to the others."""

    partition: int
    partitions: int
    keyring: Keyring
