"""Positions: the stock of one SKU at one warehouse, named ``SKU:warehouse``."""

MAX_QUANTITY = 1_000_000_000
"""Units that one command may name."""
MAX_LEVEL = 2_000_000_000
"""Units that a position may hold."""


def position_key(sku_id: str, warehouse_id: int) -> str:
    """The key of a position, as in Kafka and Redis: ``RETRO-CLOCK:1``."""
    return f"{sku_id}:{warehouse_id}"


def split_position(position: str) -> tuple[str, int]:
    """The reverse of `position_key`. A SKU holds no colon, so the last one parts the two."""
    sku_id, _, warehouse_id = position.rpartition(":")
    return sku_id, int(warehouse_id)
