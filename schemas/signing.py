"""The header that marks onhand's own records in `inventory.commands`: ``v1;<key id>;<hex HMAC-SHA256 of the value>``."""

import hmac
import re
from dataclasses import dataclass, field
from functools import lru_cache

HEADER = "onhand"
_KEY = re.compile(r"([A-Za-z0-9._-]{1,64}):((?:[0-9a-fA-F]{2}){16,128})")


@dataclass(frozen=True, slots=True)
class Keyring:
    """Keys by id; the first signs, every one verifies, so that a retired key stays valid for as long as it is listed."""

    keys: dict[str, bytes] = field(repr=False)

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
        key_id, key = next(iter(self.keys.items()))
        return f"v1;{key_id};{_mac(key, value)}"

    def verify(self, header: bytes, value: bytes) -> bool:
        """Whether the header is of one of our keys and of that value."""
        version, _, rest = header.partition(b";")
        key_id, _, digest = rest.partition(b";")
        key = self.keys.get(key_id.decode("utf-8", "replace"))
        if version != b"v1" or key is None:
            return False
        return hmac.compare_digest(_mac(key, value).encode(), digest)


def _mac(key: bytes, value: bytes) -> str:
    """HMAC-SHA256 in hex (RFC 2104). Each slip is signed once and verified once, and the key's part is half of the work."""
    mac = _keyed(key).copy()
    mac.update(value)
    return mac.hexdigest()


@lru_cache
def _keyed(key: bytes) -> hmac.HMAC:
    return hmac.new(key, digestmod="sha256")
