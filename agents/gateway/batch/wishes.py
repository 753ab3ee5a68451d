"""What a line wishes for: a command under an id, ready to be sent."""

import hashlib
import uuid
from collections.abc import Callable
from typing import NamedTuple

import msgspec

from onhand.agents.gateway.batch.forms import Form
from onhand.agents.gateway.locking import to_lock
from onhand.schemas.codec import Malformed, decode_command
from onhand.schemas.commands import CommandModel
from onhand.schemas.ids import new_id
from onhand.schemas.partitioner import partition_of
from onhand.sql.batches import HASH_BYTES

IdOf = Callable[[int], str]
"""The id of the command in a line that names none, by the line's number."""
_encode = msgspec.json.Encoder().encode


class Wish(NamedTuple):
    """A line's command. `positions` are those that are locked for it."""

    line: int
    id: str
    value: bytes
    position: str
    partition: int
    positions: tuple[str, ...]

    @property
    def hash(self) -> bytes:
        """By which the same line is known again."""
        return hashlib.blake2b(self.value, digest_size=HASH_BYTES).digest()


def wish(line: int, raw: bytes, form: Form, id_of: IdOf, partitions: int) -> Wish:
    """The command in a line; `Malformed`, as ``field: reason``."""
    fields = form(raw)
    if "id" not in fields:
        fields["id"] = id_of(line)
    try:
        value = _encode(fields)
    except (OverflowError, ValueError):
        raise Malformed("value: holds a number beyond all limits") from None
    command = decode_command(value)
    assert isinstance(command, CommandModel)  # a movement: the form has seen to it
    position: str = command.position
    return Wish(line, command.id, value, position, partition_of(position, partitions), to_lock(command))


def keyed_ids(api_key_id: str, name: str) -> IdOf:
    """Ids that the same line of the same call always has: the UUIDv5 of ``name line`` below the API key's id."""
    begun = hashlib.sha1(uuid.UUID(api_key_id).bytes + f"{name} ".encode(), usedforsecurity=False)

    def id_of(line: int) -> str:  # by hand: `uuid.uuid5` costs five times as much
        digest = begun.copy()
        digest.update(b"%d" % line)
        text = digest.hexdigest()
        variant = "89ab"[int(text[16], 16) & 3]
        return f"{text[:8]}-{text[8:12]}-5{text[13:16]}-{variant}{text[17:20]}-{text[20:32]}"

    return id_of


def new_ids(line: int) -> str:
    """An `IdOf` for calls that have no key."""
    return new_id()
