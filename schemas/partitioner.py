"""Kafka's default partitioner (murmur2 of the key), so that everybody agrees where a position lives."""

_SEED = 0x9747B28C
_M = 0x5BD1E995
_MASK = 0xFFFFFFFF


def murmur2(data: bytes) -> int:
    """The 32-bit hash of Kafka's Java client, as an unsigned number.

    Source: ``org.apache.kafka.common.utils.Utils.murmur2``; Austin Appleby's MurmurHash2 with Kafka's seed.
    """
    length = len(data)
    h = _SEED ^ length
    whole = length & ~3
    for i in range(0, whole, 4):
        k = int.from_bytes(data[i : i + 4], "little") * _M & _MASK
        h = h * _M & _MASK ^ (k ^ k >> 24) * _M & _MASK
    if length > whole:
        h = (h ^ int.from_bytes(data[whole:], "little")) * _M & _MASK
    h = (h ^ h >> 13) * _M & _MASK
    return h ^ h >> 15


def partition_of(position: str, partitions: int) -> int:
    """The partition of that position (a string of the form ``SKU:warehouse``) among `partitions`."""
    return _HASHES[position] % partitions


class _Hashes(dict[str, int]):
    """Hashes by position, made where they are missing: an order asks for each at every leg, and murmur2 takes long in Python."""

    def __missing__(self, position: str) -> int:
        if len(self) >= _MOST_HASHES:
            self.clear()
        number = self[position] = murmur2(position.encode()) & 0x7FFFFFFF
        return number


_MOST_HASHES = 1 << 17
_HASHES = _Hashes()
