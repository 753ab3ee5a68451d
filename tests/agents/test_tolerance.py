"""A header whose name is not UTF-8 is read, with the name replaced; everything else is read as ever."""

import struct
from typing import Any

import pytest
from aiokafka.record._crc32c import crc as crc32c
from aiokafka.record.default_records import DefaultRecordBatchBuilder
from aiokafka.record.memory_records import MemoryRecords

from onhand.agents.kafka.tolerance import TolerantRecords

_CRC_AT, _CRC_OVER = 17, 21


def _batch(*headers: tuple[str, bytes | None], compression: int = 0) -> bytearray:
    """Two records, the first with those headers, as the broker would hand them out."""
    builder = DefaultRecordBatchBuilder(
        magic=2, compression_type=compression, is_transactional=0, producer_id=-1, producer_epoch=-1, base_sequence=0,
        batch_size=100_000,
    )  # fmt: skip
    builder.append(0, timestamp=5, key=b"k\xff", value=b"one\xff", headers=list(headers))
    builder.append(1, timestamp=6, key=None, value=b"two", headers=[])
    return bytearray(builder.build())


def _spoil(batch: bytearray, name: bytes) -> bytes:
    """Make the first byte of a header's name one that is in no UTF-8, and the checksum right again."""
    batch[batch.index(name)] = 0xFF
    struct.pack_into(">I", batch, _CRC_AT, crc32c(bytes(batch[_CRC_OVER:])))
    return bytes(batch)


def _read(records: Any) -> list[tuple[Any, ...]]:
    read = []
    while records.has_next():
        batch = records.next_batch()
        assert batch.validate_crc()
        assert not batch.is_control_batch
        read += [(r.offset, r.timestamp, r.key, r.value, list(r.headers)) for r in batch]
        assert batch.next_offset == 2
    return read


def test_a_spoiled_name_is_replaced_and_the_rest_is_as_it_was() -> None:
    value = _spoil(_batch(("abcd", b"\xfe"), ("none", None)), b"abcd")
    with pytest.raises(UnicodeDecodeError):
        _read(MemoryRecords(value))
    assert _read(TolerantRecords(value)) == [
        (0, 5, b"k\xff", b"one\xff", [("\ufffdbcd", b"\xfe"), ("none", None)]),
        (1, 6, None, b"two", []),
    ]


@pytest.mark.parametrize("compression", [0, 1], ids=["plain", "gzip"])
def test_other_batches_are_read_as_aiokafka_reads_them(compression: int) -> None:
    value = bytes(_batch(("traceparent", b"00-1"), compression=compression))
    assert _read(TolerantRecords(value)) == _read(MemoryRecords(value))
