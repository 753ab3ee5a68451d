"""Everybody must agree where a position lives."""

import pytest
from aiokafka.partitioner import murmur2 as kafkas_murmur2
from hypothesis import given
from hypothesis import strategies as st

from onhand.schemas import partitioner
from onhand.schemas.partitioner import murmur2, partition_of


@given(st.binary(max_size=80))
def test_the_hash_is_kafkas(data: bytes) -> None:
    assert murmur2(data) == kafkas_murmur2(data) & 0xFFFFFFFF


@pytest.mark.parametrize(
    ("data", "signed"),
    [
        (b"21", -973932308),
        (b"foobar", -790332482),
        (b"a-little-bit-long-string", -985981536),
        (b"a-little-bit-longer-string", -1486304829),
        (b"lkjh234lh9fiuh90y23oiuhsafujhadof229phr9h19h89h8", -58897971),
        (b"abc", 479470107),
    ],
)
def test_the_vectors_of_kafkas_own_test(data: bytes, signed: int) -> None:
    assert murmur2(data) == signed & 0xFFFFFFFF


def test_a_partition_is_within_its_count() -> None:
    spread = {partition_of(f"SKU-{number}:1", 8) for number in range(200)}
    assert spread == set(range(8))


def test_no_more_hashes_are_remembered_than_are_allowed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(partitioner, "_MOST_HASHES", 3)
    monkeypatch.setattr(partitioner, "_HASHES", hashes := partitioner._Hashes())
    for _ in range(2):
        for number in range(10):
            name = f"SKU-{number}:1"
            assert partition_of(name, 8) == (murmur2(name.encode()) & 0x7FFFFFFF) % 8
            assert len(hashes) <= 3
