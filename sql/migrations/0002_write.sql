-- The window writer: one call is one window of decisions of one partition, applied as a whole or refused as a whole.
-- SQLSTATEs of its own: OH001 the watermark is not the expected one (detail: the stored seq, or `none`);
-- OH002 rows are not at the version that the decisions stand on (detail: how many of how many).
-- Callers plan generically with sequential scans, bitmap scans, hash and merge joins off. Even so a plan made while a table
-- was small would stay, and could read the whole table for each window; `= ANY (ARRAY[x])` instead of `= x` leaves the planner
-- no order to merge by, and so only the one good plan: the window outside, the primary key inside.

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

-- One position as `crossings` tells it; `suggested_quantity` covers the units refused in the seven days up to the clock.
CREATE FUNCTION ledger_crossing(
    p_partition integer, p_sku text, p_warehouse integer, p_available bigint, p_point bigint, p_quantity bigint,
    p_version bigint, p_clock timestamptz, p_low boolean
) RETURNS jsonb LANGUAGE sql AS $$
    SELECT jsonb_build_object(
        'low', p_low, 'sku_id', p_sku, 'warehouse_id', p_warehouse, 'available_qty', p_available, 'version', p_version,
        'reorder_point', p_point, 'suggested_quantity', p_quantity + coalesce(sum(units), 0))
    FROM refused_units
    WHERE partition = p_partition AND sku_id = p_sku AND warehouse_id = p_warehouse
      AND day = ANY (ARRAY(SELECT (p_clock AT TIME ZONE 'UTC')::date - back FROM generate_series(0, 6) back))
$$;

-- Bring positions from their expected versions to their newest numbers. `p_before` is what was available, or -1 where a
-- `set_reorder` of the window judges the position; `p_taken` the units that the window takes on balance (or 0).
-- Returns the crossings of the reorder point.
CREATE FUNCTION ledger_write_positions(
    p_partition integer, p_clock timestamptz, p_sku text[], p_warehouse integer[], p_expected bigint[], p_taken bigint[],
    p_before bigint[], p_available bigint[], p_reserved bigint[], p_version bigint[], p_at timestamptz[]
) RETURNS jsonb LANGUAGE plpgsql AS $$
DECLARE
    written integer;
    inserted integer;
    crossings jsonb;
BEGIN
    WITH touched AS (
        UPDATE inventory i
        SET available_qty = u.available, reserved_qty = u.reserved, total_qty = u.available + u.reserved,
            version = u.version, updated_at = u.at
        FROM unnest(p_sku, p_warehouse, p_expected, p_taken, p_before, p_available, p_reserved, p_version, p_at)
            u (sku, warehouse, expected, taken, before, available, reserved, version, at)
        WHERE i.sku_id = ANY (ARRAY[u.sku]) AND i.warehouse_id = u.warehouse
          AND i.version = u.expected AND i.available_qty >= u.taken
        RETURNING i.sku_id, i.warehouse_id, i.available_qty, i.reorder_point, i.reorder_quantity, i.version, u.before)
    SELECT count(*), jsonb_agg(ledger_crossing(p_partition, sku_id, warehouse_id, available_qty, reorder_point,
            reorder_quantity, version, p_clock, available_qty <= reorder_point))
        FILTER (WHERE reorder_point > 0 AND before >= 0
                AND (available_qty <= reorder_point) <> (before <= reorder_point))
    INTO written, crossings FROM touched;
    IF written < cardinality(p_sku) THEN
        INSERT INTO inventory (sku_id, warehouse_id, available_qty, reserved_qty, total_qty, version, updated_at, partition)
        SELECT sku, warehouse, available, reserved, available + reserved, version, at, p_partition
        FROM unnest(p_sku, p_warehouse, p_expected, p_available, p_reserved, p_version, p_at)
            u (sku, warehouse, expected, available, reserved, version, at)
        WHERE expected = 0
        ON CONFLICT DO NOTHING;
        GET DIAGNOSTICS inserted = ROW_COUNT;
        IF written + inserted < cardinality(p_sku) THEN
            RAISE EXCEPTION 'partition %: positions are not at the version that the decisions stand on', p_partition
                USING ERRCODE = 'OH002', DETAIL = format('%s of %s', cardinality(p_sku) - written - inserted, cardinality(p_sku));
        END IF;
    END IF;
    RETURN coalesce(crossings, '[]');
END $$;

-- The last resort against rows that an outsider changed: put them, locked, where the decisions stand on, so that
-- `ledger_write_positions` fits. Returns what was found, for the alarm.
CREATE FUNCTION ledger_force_positions(
    p_partition integer, p_sku text[], p_warehouse integer[], p_expected bigint[], p_taken bigint[], p_at timestamptz
) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
    wanted record;
    found record;
    told text := '';
BEGIN
    FOR wanted IN SELECT * FROM unnest(p_sku, p_warehouse, p_expected, p_taken) u (sku, warehouse, expected, taken) ORDER BY 1, 2
    LOOP
        SELECT version, available_qty INTO found FROM inventory
            WHERE sku_id = wanted.sku AND warehouse_id = wanted.warehouse FOR UPDATE;
        CONTINUE WHEN found.version = wanted.expected AND found.available_qty >= wanted.taken
                 OR found.version IS NULL AND wanted.expected = 0;
        told := left(told || format(' %s:%s at version %s, expected %s;', wanted.sku, wanted.warehouse,
                                    coalesce(found.version::text, 'none'), wanted.expected), 1000);
        INSERT INTO inventory (sku_id, warehouse_id, available_qty, reserved_qty, total_qty, version, updated_at, partition)
            VALUES (wanted.sku, wanted.warehouse, wanted.taken, 0, wanted.taken, wanted.expected, p_at, p_partition)
        ON CONFLICT (sku_id, warehouse_id) DO UPDATE SET version = excluded.version, total_qty = excluded.total_qty,
            available_qty = excluded.available_qty, reserved_qty = 0, partition = excluded.partition;
    END LOOP;
    RETURN told;
END $$;

-- Reorder points of the window ([{sku_id, warehouse_id, reorder_point, reorder_quantity, before, available_qty, version, at_ms}],
-- one per position), after its positions. Returns the crossings, judged from what was low before to what is low now.
CREATE FUNCTION ledger_write_reorders(p_partition integer, p_clock timestamptz, p_reorders jsonb)
RETURNS jsonb LANGUAGE plpgsql AS $$
DECLARE
    row record;
    old_point bigint;
    was_low boolean;
    is_low boolean;
    crossings jsonb := '[]';
BEGIN
    FOR row IN SELECT * FROM jsonb_to_recordset(p_reorders) r (sku_id text, warehouse_id integer, reorder_point bigint,
        reorder_quantity bigint, before bigint, available_qty bigint, version bigint, at_ms bigint)
    LOOP
        SELECT reorder_point INTO old_point FROM inventory
            WHERE sku_id = row.sku_id AND warehouse_id = row.warehouse_id FOR UPDATE;
        INSERT INTO inventory (sku_id, warehouse_id, available_qty, reserved_qty, total_qty, reorder_point, version,
                               updated_at, reorder_quantity, partition)
        VALUES (row.sku_id, row.warehouse_id, 0, 0, 0, row.reorder_point, 0, to_timestamp(row.at_ms / 1000.0),
                row.reorder_quantity, p_partition)
        ON CONFLICT (sku_id, warehouse_id) DO UPDATE
            SET reorder_point = excluded.reorder_point, reorder_quantity = excluded.reorder_quantity,
                updated_at = greatest(inventory.updated_at, excluded.updated_at);
        was_low := coalesce(old_point, 0) > 0 AND row.before <= old_point;
        is_low := row.reorder_point > 0 AND row.available_qty <= row.reorder_point;
        IF was_low <> is_low THEN
            crossings := crossings || ledger_crossing(p_partition, row.sku_id, row.warehouse_id, row.available_qty,
                row.reorder_point, row.reorder_quantity, row.version, p_clock, is_low);
        END IF;
    END LOOP;
    RETURN crossings;
END $$;

-- New holds, those that ended within the window already ended (`p_ended` says how, or null). An id that is there already is
-- a second use of it, kept in `reservation_reuses`; returned are those still active, which are to be undone.
CREATE FUNCTION ledger_begin_holds(
    p_partition integer, p_seq bigint, p_clock timestamptz, p_id uuid[], p_line integer[], p_sku text[],
    p_warehouse integer[], p_quantity bigint[], p_order text[], p_channel text[], p_expires timestamptz[], p_ended text[]
) RETURNS jsonb LANGUAGE plpgsql AS $$
DECLARE
    inserted integer;
    reuses jsonb;
BEGIN
    INSERT INTO reservations (reservation_id, line, sku_id, warehouse_id, quantity, order_id, channel, expires_at,
                              status, ended_as, ended_at, partition, home)
    SELECT id, line, sku, warehouse, quantity, order_id, channel, expires,
           CASE WHEN ended IS NULL THEN 'active' WHEN ended = 'committed' THEN 'committed' ELSE 'released' END::reservation_status,
           ended::reservation_end, CASE WHEN ended IS NOT NULL THEN p_clock END, p_partition, p_partition
    FROM unnest(p_id, p_line, p_sku, p_warehouse, p_quantity, p_order, p_channel, p_expires, p_ended)
        u (id, line, sku, warehouse, quantity, order_id, channel, expires, ended)
    ON CONFLICT DO NOTHING;
    GET DIAGNOSTICS inserted = ROW_COUNT;
    IF inserted = cardinality(p_id) THEN
        RETURN '[]';
    END IF;
    WITH second AS (
        INSERT INTO reservation_reuses (partition, window_seq, reservation_id, line, sku_id, warehouse_id, quantity,
                                        order_id, channel, expires_at, status, ended_as, ended_at)
        SELECT p_partition, p_seq, id, u.line, sku, warehouse, u.quantity, u.order_id, u.channel, expires,
               CASE WHEN ended IS NULL THEN 'active' WHEN ended = 'committed' THEN 'committed' ELSE 'released' END::reservation_status,
               ended::reservation_end, CASE WHEN ended IS NOT NULL THEN p_clock END
        FROM unnest(p_id, p_line, p_sku, p_warehouse, p_quantity, p_order, p_channel, p_expires, p_ended)
            u (id, line, sku, warehouse, quantity, order_id, channel, expires, ended)
        JOIN reservations r ON r.reservation_id = ANY (ARRAY[u.id]) AND r.line = u.line
        WHERE r.xmin <> pg_current_xact_id()::xid
        RETURNING reservation_id, sku_id, warehouse_id, status)
    SELECT jsonb_agg(jsonb_build_object('reservation_id', reservation_id, 'sku_id', sku_id, 'warehouse_id', warehouse_id)
                     ORDER BY reservation_id)
        FILTER (WHERE status = 'active')
    INTO reuses FROM second;
    RETURN coalesce(reuses, '[]');
END $$;

-- Active holds end one way. Returns the ids that no active hold of the partition has (empty if all is well).
CREATE FUNCTION ledger_end_holds(p_partition integer, p_clock timestamptz, p_id uuid[], p_end reservation_end)
RETURNS text LANGUAGE plpgsql AS $$
DECLARE
    as_status reservation_status := CASE p_end WHEN 'committed' THEN 'committed' ELSE 'released' END;
    ended integer;
    ended_reuses integer;
BEGIN
    UPDATE reservations SET status = as_status, ended_as = p_end, ended_at = p_clock
    WHERE reservation_id = ANY (p_id) AND partition = p_partition AND status = 'active';
    GET DIAGNOSTICS ended = ROW_COUNT;
    IF ended >= cardinality(p_id) THEN
        RETURN '';
    END IF;
    UPDATE reservation_reuses SET status = as_status, ended_as = p_end, ended_at = p_clock
    WHERE partition = p_partition AND reservation_id = ANY (p_id) AND status = 'active';
    GET DIAGNOSTICS ended_reuses = ROW_COUNT;
    IF ended + ended_reuses >= cardinality(p_id) THEN
        RETURN '';
    END IF;
    RETURN (SELECT coalesce(string_agg(id::text, ' '), '') FROM (
        SELECT id FROM unnest(p_id) id
        WHERE NOT EXISTS (SELECT FROM reservations r WHERE r.reservation_id = ANY (ARRAY[id]) AND r.partition = p_partition
                          AND r.xmin = pg_current_xact_id()::xid)
          AND NOT EXISTS (SELECT FROM reservation_reuses r WHERE r.reservation_id = ANY (ARRAY[id]) AND r.partition = p_partition
                          AND r.xmin = pg_current_xact_id()::xid)
        LIMIT 10) unknown);
END $$;

-- New expiries of active holds, one by one: they are few.
CREATE FUNCTION ledger_extend_holds(p_partition integer, p_id uuid[], p_expires timestamptz[])
RETURNS void LANGUAGE plpgsql AS $$
BEGIN
    FOR i IN 1 .. cardinality(p_id) LOOP
        UPDATE reservations SET expires_at = p_expires[i]
        WHERE reservation_id = p_id[i] AND partition = p_partition AND status = 'active';
        IF NOT FOUND THEN
            UPDATE reservation_reuses SET expires_at = p_expires[i]
            WHERE reservation_id = p_id[i] AND partition = p_partition AND status = 'active';
        END IF;
    END LOOP;
END $$;

CREATE FUNCTION ledger_append_movements(
    p_id uuid[], p_sku text[], p_source integer[], p_dest integer[], p_quantity bigint[], p_type text[],
    p_reference text[], p_at timestamptz[]
) RETURNS void LANGUAGE sql AS $$
    INSERT INTO stock_movements (movement_id, sku_id, source_warehouse, dest_warehouse, quantity, movement_type,
                                 reference_id, created_at)
    SELECT id, sku, source, dest, quantity, type::movement_type, reference, at
    FROM unnest(p_id, p_sku, p_source, p_dest, p_quantity, p_type, p_reference, p_at)
        u (id, sku, source, dest, quantity, type, reference, at)
$$;

-- [{day, sku_id, warehouse_id, units}]; what is older than the seven days that a suggestion looks back is deleted once a day.
CREATE FUNCTION ledger_add_refused(p_partition integer, p_refused jsonb) RETURNS void LANGUAGE sql AS $$
    INSERT INTO refused_units (partition, day, sku_id, warehouse_id, units)
    SELECT p_partition, day, sku_id, warehouse_id, units
    FROM jsonb_to_recordset(p_refused) r (day date, sku_id text, warehouse_id integer, units bigint)
    ON CONFLICT (partition, day, sku_id, warehouse_id) DO UPDATE SET units = refused_units.units + excluded.units
$$;

CREATE FUNCTION ledger_raise_alarm(p_partition integer, p_code text, p_message text, p_offset bigint, p_stops boolean)
RETURNS void LANGUAGE sql AS $$
    INSERT INTO ledger_alarms (partition, code, message, record_offset, stops)
    VALUES (p_partition, p_code, p_message, p_offset, p_stops)
    ON CONFLICT (partition, code) DO UPDATE
        SET message = excluded.message, record_offset = excluded.record_offset, raised_at = excluded.raised_at,
            stops = excluded.stops OR ledger_alarms.stops
$$;

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

-- The window. `p_expected` is the seq of the watermark before it, `p_seq` after it; `p_forced` the third retry's.
-- `p_notes` are findings of the fold, [{code, message}], kept as alarms that do not stop.
CREATE FUNCTION ledger_write(
    p_partition integer, p_expected bigint, p_seq bigint, p_source_offset bigint, p_decisions_offset bigint,
    p_clock_ms bigint, p_forced boolean, p_events bytea, p_remembered bytea,
    k_sku text[], k_warehouse integer[], k_expected bigint[], k_taken bigint[], k_before bigint[], k_available bigint[],
    k_reserved bigint[], k_version bigint[], k_at timestamptz[],
    b_id uuid[], b_line integer[], b_sku text[], b_warehouse integer[], b_quantity bigint[], b_order text[],
    b_channel text[], b_expires timestamptz[], b_ended text[],
    e_committed uuid[], e_released uuid[], e_expired uuid[], x_id uuid[], x_expires timestamptz[],
    m_id uuid[], m_sku text[], m_source integer[], m_dest integer[], m_quantity bigint[], m_type text[],
    m_reference text[], m_at timestamptz[],
    p_reorders jsonb, p_refused jsonb, p_notes jsonb,
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
    IF cardinality(b_id) > 0 THEN
        reuses := ledger_begin_holds(p_partition, p_seq, clock, b_id, b_line, b_sku, b_warehouse, b_quantity, b_order,
                                     b_channel, b_expires, b_ended);
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
    IF p_notes IS NOT NULL THEN
        PERFORM ledger_raise_alarm(p_partition, code, message, p_source_offset, false)
        FROM jsonb_to_recordset(p_notes) n (code text, message text);
    END IF;
    IF p_remembered IS NOT NULL THEN
        INSERT INTO remembered_ids (partition, clock_ms, seq, ids) VALUES (p_partition, p_clock_ms, p_seq, p_remembered);
    END IF;
    PERFORM ledger_forget(p_partition, before.clock_ms, p_clock_ms, before.window_ms);
    UPDATE ledger_partitions SET seq = p_seq, source_offset = p_source_offset, decisions_offset = p_decisions_offset,
        clock_ms = p_clock_ms, events = p_events, crossings = ledger_write.crossings, reuses = ledger_write.reuses
    WHERE partition = p_partition;
END $$;
