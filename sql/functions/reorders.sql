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

-- [{day, sku_id, warehouse_id, units}]; what is older than the seven days that a suggestion looks back is deleted once a day.
CREATE FUNCTION ledger_add_refused(p_partition integer, p_refused jsonb) RETURNS void LANGUAGE sql AS $$
    INSERT INTO refused_units (partition, day, sku_id, warehouse_id, units)
    SELECT p_partition, day, sku_id, warehouse_id, units
    FROM jsonb_to_recordset(p_refused) r (day date, sku_id text, warehouse_id integer, units bigint)
    ON CONFLICT (partition, day, sku_id, warehouse_id) DO UPDATE SET units = refused_units.units + excluded.units
$$;
