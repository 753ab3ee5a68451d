"""A header whose name is not UTF-8 must not stop a partition.

Kafka's broker takes any bytes as a header's name; aiokafka raises `UnicodeDecodeError` out of its fetcher, again at every try, and so
one such record would end whoever owns its partition. Here a batch that cannot be read is read once more, by aiokafka's own parser in
Python, with what is not UTF-8 replaced. Private names of aiokafka 0.14, which the lock pins; tests/agents/test_tolerance.py holds them.
"""

from collections.abc import Iterator
from typing import Any

from aiokafka.consumer import fetcher
from aiokafka.record.default_records import _DefaultRecordBatchPy
from aiokafka.record.memory_records import _MemoryRecordsPy


def install() -> None:
    """Have aiokafka's consumers of this process read that way."""
    fetcher.MemoryRecords = TolerantRecords


class TolerantRecords(_MemoryRecordsPy):  # type: ignore[misc]
    """The batches of a fetch."""

    def next_batch(self) -> Any:
        """The next batch, ready to be read twice; None behind the last."""
        raw = self._next_slice
        batch = super().next_batch()
        return None if batch is None else _TolerantBatch(batch, raw)


class _TolerantBatch:
    """A batch as aiokafka makes it, but for the way in which its records are read."""

    def __init__(self, batch: Any, raw: memoryview) -> None:
        self._batch = batch
        self._raw = raw

    def __getattr__(self, name: str) -> Any:
        return getattr(self._batch, name)

    def __iter__(self) -> Iterator[Any]:
        try:
            return iter(list(self._batch))
        except UnicodeDecodeError:
            return iter(_ReplacingBatch(bytearray(self._raw)))

    def __next__(self) -> Any:
        return next(self._batch)


class _Text(bytearray):
    """Bytes whose slices decode with replacement; a record's key and value are copied out as they are."""

    def __getitem__(self, index: Any) -> Any:
        found = super().__getitem__(index)
        return _Text(found) if isinstance(index, slice) else found

    def decode(self, encoding: str = "utf-8", errors: str = "replace") -> str:
        return super().decode(encoding, errors)


class _ReplacingBatch(_DefaultRecordBatchPy):  # type: ignore[misc]
    """The parser in Python, over bytes that decode with replacement."""

    def _maybe_uncompress(self) -> None:
        super()._maybe_uncompress()
        self._buffer: bytearray = _Text(self._buffer)
