"""What is imported: a file, which can be read again, or standard input, which cannot."""

import hashlib
import sys
import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from onhand.deploy.stack.errors import Usage

_PIECE = 256 * 1024
_CSV, _NDJSON = "text/csv", "application/x-ndjson"
_KINDS = {".csv": _CSV, ".ndjson": _NDJSON, ".jsonl": _NDJSON, ".json": _NDJSON}


@dataclass(frozen=True, slots=True)
class Source:
    """`lines` are those that are answered, None where nobody knows yet; `key` is the same for the same content."""

    path: Path | None
    content_type: str
    key: str
    lines: int | None = None
    begun: bytes = b""

    @property
    def header_lines(self) -> int:
        """Lines before the first one that is answered: a file's line is so much more than the gateway's."""
        return 1 if self.content_type == _CSV else 0

    def pieces(self) -> Iterator[bytes]:
        """Its bytes."""
        if self.path is None:
            yield self.begun
            yield from _pieces(sys.stdin.buffer)
            return
        with self.path.open("rb") as file:
            yield from _pieces(file)


def source_of(name: str, key: str | None) -> Source:
    """The file of that name, `-` for standard input; `Usage` where one cannot tell what is in it."""
    if name == "-":
        begun = _piece(sys.stdin.buffer)
        kind = _NDJSON if begun.lstrip(b"\xef\xbb\xbf \t\r\n").startswith(b"{") else _CSV
        return Source(None, kind, key or f"import-{uuid.uuid4()}", None, begun)
    path = Path(name)
    if path.suffix.lower() not in _KINDS:
        raise Usage(f"{name} is neither .csv nor .ndjson")
    kind = _KINDS[path.suffix.lower()]
    digest, lines, last = hashlib.sha256(), 0, b""
    with path.open("rb") as file:
        for piece in _pieces(file):
            digest.update(piece)
            lines, last = lines + piece.count(b"\n"), piece
    lines += bool(last) and not last.endswith(b"\n")
    return Source(path, kind, key or f"import-{digest.hexdigest()}", max(0, lines - (kind == _CSV)))


def _pieces(file: BinaryIO) -> Iterator[bytes]:
    while piece := _piece(file):
        yield piece


def _piece(file: BinaryIO) -> bytes:
    """What is there by now."""
    return file.read1(_PIECE) if hasattr(file, "read1") else file.read(_PIECE)
