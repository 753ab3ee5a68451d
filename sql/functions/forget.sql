-- Forget what the gate has forgotten: ids two windows back (two minutes at least, so that a takeover finds what was touched
-- in the last one) when the clock enters a new window, and refused units eight days back when it enters a new day.
CREATE FUNCTION ledger_forget(p_partition integer, p_from_ms bigint, p_to_ms bigint, p_window_ms bigint)
RETURNS void LANGUAGE plpgsql AS $$
BEGIN
    IF p_from_ms / p_window_ms < p_to_ms / p_window_ms THEN
        DELETE FROM remembered_ids WHERE partition = p_partition
            AND clock_ms < least((p_to_ms / p_window_ms - 1) * p_window_ms, p_to_ms - 120000);
    END IF;
    IF p_from_ms / 86400000 < p_to_ms / 86400000 THEN
        DELETE FROM refused_units WHERE partition = p_partition
            AND day < (to_timestamp(p_to_ms / 1000.0) AT TIME ZONE 'UTC')::date - 7;
    END IF;
END $$;
