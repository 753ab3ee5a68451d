-- An alarm of a partition, one per code: the newest message stays, and one that stops goes on stopping.
CREATE FUNCTION ledger_raise_alarm(p_partition integer, p_code text, p_message text, p_offset bigint, p_stops boolean)
RETURNS void LANGUAGE sql AS $$
    INSERT INTO ledger_alarms (partition, code, message, record_offset, stops)
    VALUES (p_partition, p_code, p_message, p_offset, p_stops)
    ON CONFLICT (partition, code) DO UPDATE
        SET message = excluded.message, record_offset = excluded.record_offset, raised_at = excluded.raised_at,
            stops = excluded.stops OR ledger_alarms.stops
$$;
