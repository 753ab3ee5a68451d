"""The partitions, as the ledger knows them since their births."""

from onhand.sql.pool import Pool


async def partition_count(pool: Pool) -> int:
    """The count of the positioned topics; 0 where none was born."""
    rows = await pool.rows("SELECT count(*) FROM ledger_partitions")
    return int(rows[0][0])


async def ledger_seqs(pool: Pool) -> list[int]:
    """The seq of the last decision that the ledger has, partition by partition."""
    return [int(seq) for (seq,) in await pool.rows("SELECT seq FROM ledger_partitions ORDER BY partition")]
