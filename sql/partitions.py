"""How many partitions there are, as the ledger knows it since their births."""

from onhand.sql.pool import Pool


async def partition_count(pool: Pool) -> int:
    """The count of the positioned topics; 0 where none was born."""
    rows = await pool.rows("SELECT count(*) FROM ledger_partitions")
    return int(rows[0][0])
