"""Records with headers that no client would write: a name may be any bytes, which Kafka's broker does not look at."""

import struct

from aiokafka import AIOKafkaProducer
from aiokafka.record._crc32c import crc as crc32c

_CRC_AT, _CRC_OVER = 17, 21


async def append(servers: str, partition: int, value: bytes, headers: list[tuple[bytes, bytes | None]]) -> None:
    """Appends a command as it stands."""
    async with AIOKafkaProducer(bootstrap_servers=servers) as producer:
        batch = producer.create_batch()
        stand_ins = [(f"~{number}".ljust(len(name), "~"), name) for number, (name, _) in enumerate(headers)]
        given = [(stand_in, told) for (stand_in, _), (_, told) in zip(stand_ins, headers, strict=True)]
        batch.append(timestamp=None, key=None, value=value, headers=given)
        batch._buffer = _renamed(bytearray(batch._build()), stand_ins)
        await (await producer.send_batch(batch, "inventory.commands", partition=partition))


def _renamed(batch: bytearray, stand_ins: list[tuple[str, bytes]]) -> bytes:
    for stand_in, name in stand_ins:
        at = batch.index(stand_in.encode())
        batch[at : at + len(stand_in)] = name
    struct.pack_into(">I", batch, _CRC_AT, crc32c(bytes(batch[_CRC_OVER:])))
    return bytes(batch)
