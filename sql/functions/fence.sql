-- Stop whoever does not stand exactly behind the watermark: a zombie, a replay, a gap. Holds the partition's row until the end.
CREATE FUNCTION ledger_fence(p_partition integer, p_expected bigint) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
    stored bigint;
BEGIN
    SELECT seq INTO stored FROM ledger_partitions WHERE partition = p_partition FOR UPDATE;
    IF stored IS DISTINCT FROM p_expected THEN
        RAISE EXCEPTION 'partition % of the ledger is at seq %, not %', p_partition, stored, p_expected
            USING ERRCODE = 'OH001', DETAIL = coalesce(stored::text, 'none');
    END IF;
END $$;
