-- The window writer: one call is one window of decisions of one partition, applied as a whole or refused as a whole.
-- SQLSTATEs of its own: OH001 the watermark is not the expected one (detail: the stored seq, or `none`);
-- OH002 rows are not at the version that the decisions stand on (detail: how many of how many).
-- Callers plan generically with sequential scans, bitmap scans, hash and merge joins off. Even so a plan made while a table
-- was small would stay, and could read the whole table for each window; `= ANY (ARRAY[x])` instead of `= x` leaves the planner
-- no order to merge by, and so only the one good plan: the window outside, the primary key inside.

-- The window. `p_expected` is the seq of the watermark before it, `p_seq` after it; `p_forced` the third retry's.
-- `p_notes` are findings of the fold, [{code, message}], kept as alarms that do not stop.
CREATE FUNCTION ledger_write(
    p_partition integer, p_expected bigint, p_seq bigint, p_source_offset bigint, p_decisions_offset bigint,
    p_clock_ms bigint, p_forced boolean, p_events bytea, p_remembered bytea,
    k_sku text[], k_warehouse integer[], k_expected bigint[], k_taken bigint[], k_before bigint[], k_available bigint[],
    k_reserved bigint[], k_version bigint[], k_at timestamptz[],
    b_id uuid[], b_line integer[], b_sku text[], b_warehouse integer[], b_quantity bigint[], b_order text[],
    b_channel text[], b_expires timestamptz[], b_ended text[], b_use text[],
    e_committed uuid[], e_released uuid[], e_expired uuid[], x_id uuid[], x_expires timestamptz[],
    m_id uuid[], m_sku text[], m_source integer[], m_dest integer[], m_quantity bigint[], m_type text[],
    m_reference text[], m_at timestamptz[],
    p_reorders jsonb, p_refused jsonb, p_notes jsonb, p_transfers jsonb, p_seen jsonb,
    OUT crossings jsonb, OUT reuses jsonb
) LANGUAGE plpgsql AS $$
DECLARE
    clock timestamptz := to_timestamp(p_clock_ms / 1000.0);
    before record;
    told text := '';
BEGIN
    PERFORM ledger_fence(p_partition, p_expected);
    SELECT clock_ms, window_ms INTO before FROM ledger_partitions WHERE partition = p_partition;
    crossings := '[]';
    reuses := '[]';
    IF p_refused IS NOT NULL THEN
        PERFORM ledger_add_refused(p_partition, p_refused);
    END IF;
    IF p_forced THEN
        told := ledger_force_positions(p_partition, k_sku, k_warehouse, k_expected, k_taken, clock);
        PERFORM ledger_raise_alarm(p_partition, 'version_miss', 'positions were changed from outside and put right:' || told,
                                   p_source_offset, false) WHERE told <> '';
    END IF;
    IF cardinality(k_sku) > 0 THEN
        crossings := ledger_write_positions(p_partition, clock, k_sku, k_warehouse, k_expected, k_taken, k_before,
                                            k_available, k_reserved, k_version, k_at);
    END IF;
    IF p_reorders IS NOT NULL THEN
        crossings := crossings || ledger_write_reorders(p_partition, clock, p_reorders);
    END IF;
    -- Where nothing is on order, reorders cost this one look.
    IF cardinality(m_id) > 0 AND EXISTS (SELECT FROM reorders WHERE partition = p_partition AND status = 'open') THEN
        PERFORM ledger_receive_reorders(clock, m_sku, m_dest, m_quantity, m_type);
    END IF;
    IF crossings <> '[]' THEN
        PERFORM ledger_mark_low(crossings);
        crossings := ledger_follow_crossings(p_partition, p_seq, clock, crossings);
    END IF;
    IF cardinality(b_id) > 0 THEN
        reuses := ledger_begin_holds(p_partition, p_seq, clock, b_id, b_line, b_sku, b_warehouse, b_quantity, b_order,
                                     b_channel, b_expires, b_ended, b_use);
    END IF;
    -- Before the ends: a hold may be extended and end in one window, and is not active any more behind its end.
    PERFORM ledger_extend_holds(p_partition, x_id, x_expires) WHERE cardinality(x_id) > 0;
    told := NULL;
    IF cardinality(e_committed) > 0 THEN
        told := concat_ws(', ', nullif(told, ''), nullif(ledger_end_holds(p_partition, clock, e_committed, 'committed'), ''));
    END IF;
    IF cardinality(e_released) > 0 THEN
        told := concat_ws(', ', nullif(told, ''), nullif(ledger_end_holds(p_partition, clock, e_released, 'released'), ''));
    END IF;
    IF cardinality(e_expired) > 0 THEN
        told := concat_ws(', ', nullif(told, ''), nullif(ledger_end_holds(p_partition, clock, e_expired, 'expired'), ''));
    END IF;
    PERFORM ledger_raise_alarm(p_partition, 'unknown_hold', 'ended, but not active in the ledger: ' || told,
                               p_source_offset, false) WHERE told <> '';
    PERFORM ledger_append_movements(m_id, m_sku, m_source, m_dest, m_quantity, m_type, m_reference, m_at)
        WHERE cardinality(m_id) > 0;
    IF p_transfers IS NOT NULL THEN
        PERFORM ledger_write_transfers(p_transfers);
    END IF;
    IF p_notes IS NOT NULL THEN
        PERFORM ledger_raise_alarm(p_partition, code, message, p_source_offset, false)
        FROM jsonb_to_recordset(p_notes) n (code text, message text);
    END IF;
    IF p_remembered IS NOT NULL THEN
        INSERT INTO remembered_ids (partition, clock_ms, seq, ids) VALUES (p_partition, p_clock_ms, p_seq, p_remembered);
    END IF;
    PERFORM ledger_forget(p_partition, before.clock_ms, p_clock_ms, before.window_ms);
    UPDATE ledger_partitions SET seq = p_seq, source_offset = p_source_offset, decisions_offset = p_decisions_offset,
        clock_ms = p_clock_ms, events = p_events, crossings = ledger_write.crossings, reuses = ledger_write.reuses,
        seen = CASE WHEN p_seen IS NULL THEN seen ELSE seen || p_seen END
    WHERE partition = p_partition;
END $$;
