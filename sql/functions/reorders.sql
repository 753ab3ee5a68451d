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

-- The same in each process and after any crash: RFC 9562's version 8 over the name of the event that tells it.
CREATE FUNCTION ledger_reorder_id(p_partition integer, p_seq bigint, p_sku text, p_warehouse integer)
RETURNS uuid LANGUAGE sql IMMUTABLE AS $$
    SELECT overlay(overlay(encode(substr(sha256(convert_to(format('%s/%s/%s:%s', p_partition, p_seq, p_sku, p_warehouse),
        'UTF8')), 1, 16), 'hex') PLACING '8' FROM 13 FOR 1) PLACING 'a' FROM 17 FOR 1)::uuid
$$;

-- What the window received, at the positions that have an open reorder (`closed_at` is null).
CREATE FUNCTION ledger_receive_reorders(p_clock timestamptz, p_sku text[], p_dest integer[], p_quantity bigint[], p_type text[])
RETURNS void LANGUAGE sql AS $$
    UPDATE reorders r SET received_units = received_units + u.units,
        status = CASE WHEN received_units + u.units >= suggested_quantity THEN 'received' ELSE 'open' END::reorder_status,
        closed_at = CASE WHEN received_units + u.units >= suggested_quantity THEN p_clock END
    FROM (SELECT sku, dest, sum(quantity)::bigint units FROM unnest(p_sku, p_dest, p_quantity, p_type)
              m (sku, dest, quantity, type)
          WHERE type = 'receive' GROUP BY sku, dest) u
    WHERE r.sku_id = ANY (ARRAY[u.sku]) AND r.warehouse_id = u.dest AND r.closed_at IS NULL
$$;

-- Close the reorders of positions that rose above their point, and open one for each that fell to it: after what was received.
-- Returns the crossings with the `reorder_id` that each triggered. A fall finds none open, since the rise before it closed it;
-- where an outsider's change made it so, the one that is open stays the only one, and none is triggered (`reorder_id` null).
CREATE FUNCTION ledger_follow_crossings(p_partition integer, p_seq bigint, p_clock timestamptz, p_crossings jsonb)
RETURNS jsonb LANGUAGE plpgsql AS $$
BEGIN
    UPDATE reorders r SET status = 'closed', closed_at = p_clock
    FROM jsonb_to_recordset(p_crossings) c (low boolean, sku_id text, warehouse_id integer)
    WHERE NOT c.low AND r.sku_id = ANY (ARRAY[c.sku_id]) AND r.warehouse_id = c.warehouse_id AND r.closed_at IS NULL;
    INSERT INTO reorders (reorder_id, sku_id, warehouse_id, suggested_quantity, reorder_point, opened_at, partition)
    SELECT ledger_reorder_id(p_partition, p_seq, sku_id, warehouse_id), sku_id, warehouse_id, suggested_quantity,
           reorder_point, p_clock, p_partition
    FROM jsonb_to_recordset(p_crossings)
        c (low boolean, sku_id text, warehouse_id integer, suggested_quantity bigint, reorder_point bigint)
    WHERE low
    ON CONFLICT (partition, sku_id, warehouse_id) WHERE status = 'open' DO NOTHING;
    RETURN (SELECT jsonb_agg(told || jsonb_build_object('reorder_id', (
        SELECT reorder_id FROM reorders WHERE reorder_id = ANY (ARRAY[
            ledger_reorder_id(p_partition, p_seq, told ->> 'sku_id', (told ->> 'warehouse_id')::integer)]))) ORDER BY place)
        FROM jsonb_array_elements(p_crossings) WITH ORDINALITY c (told, place));
END $$;
