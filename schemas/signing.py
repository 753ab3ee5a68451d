"""The header that marks onhand's own records in `inventory.commands`: ``v1;<key id>;<hex HMAC-SHA256 of the value>``."""

import re
from collections.abc import Callable
from dataclasses import dataclass, field
from hashlib import sha256
from hmac import compare_digest

HEADER = "onhand"
_Mac = Callable[[bytes], str]
_KEY = re.compile(r"([A-Za-z0-9._-]{1,64}):((?:[0-9a-fA-F]{2}){16,128})")


@dataclass(frozen=True, slots=True)
class Keyring:
    """Keys by id; the first signs, every one verifies, so that a retired key stays valid for as long as it is listed."""

    keys: dict[str, bytes] = field(repr=False)
    _signer: tuple[str, _Mac] = field(init=False, repr=False, compare=False)
    _macs: dict[bytes, _Mac] = field(init=False, repr=False, compare=False)
    """By what stands before the digest."""

    def __post_init__(self) -> None:
        macs = {f"v1;{key_id}": _mac(key) for key_id, key in self.keys.items()}
        object.__setattr__(self, "_signer", next(iter(macs.items())))
        object.__setattr__(self, "_macs", {signer.encode(): mac for signer, mac in macs.items()})

    @staticmethod
    def parse(text: str) -> "Keyring":
        """From ``id:hexkey[,id:hexkey...]``, keys of at least 16 bytes. `ValueError` does not repeat the text."""
        keys: dict[str, bytes] = {}
        for number, entry in enumerate(text.split(","), 1):
            match = _KEY.fullmatch(entry.strip())
            if match is None:
                raise ValueError(f"secret: entry {number} is not of the form <id>:<hex key of at least 16 bytes>")
            keys[match[1]] = bytes.fromhex(match[2])
        return Keyring(keys)

    def sign(self, value: bytes) -> str:
        """The header's text for that record value."""
        signer, mac = self._signer
        return f"{signer};{mac(value)}"

    def verify(self, header: bytes, value: bytes) -> bool:
        """Whether the header is of one of our keys and of that value."""
        signer, _, digest = header.rpartition(b";")
        mac = self._macs.get(signer)
        return mac is not None and compare_digest(mac(value).encode(), digest)


def _mac(key: bytes) -> _Mac:
    """HMAC-SHA256 (RFC 2104) of a value in hex. The key's two blocks are hashed once: for a slip they are half of the work."""
    block = (key if len(key) <= 64 else sha256(key).digest()).ljust(64, b"\0")
    inner, outer = sha256(bytes(byte ^ 0x36 for byte in block)), sha256(bytes(byte ^ 0x5C for byte in block))

    def mac(value: bytes) -> str:
        message, whole = inner.copy(), outer.copy()
        message.update(value)
        whole.update(message.digest())
        return whole.hexdigest()

    return mac
