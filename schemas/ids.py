"""Ids of commands: UUIDs of version 7, which the ledger likes best, since they come in the order of time."""

import os
import time


def new_id(now_ms: int | None = None) -> str:
    """A UUID of version 7 (RFC 9562): 48 bits of milliseconds, then random."""
    stamp = time.time_ns() // 1_000_000 if now_ms is None else now_ms
    bits = stamp << 80 | int.from_bytes(os.urandom(10), "big")

    text = f"{bits & ~(0xF << 76) & ~(0x3 << 62) | 0x7 << 76 | 0x2 << 62:032x}"
    return f"{text[:8]}-{text[8:12]}-{text[12:16]}-{text[16:20]}-{text[20:]}"
