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
