-- New holds, those that ended within the window already ended (`p_ended` says how, or null). An id that is there already is
-- a second use of it, kept in `reservation_reuses`; returned are those still active, which are to be undone: of an order its first
-- line here, since one `release` undoes all.
CREATE FUNCTION ledger_begin_holds(
    p_partition integer, p_seq bigint, p_clock timestamptz, p_id uuid[], p_line integer[], p_sku text[],
    p_warehouse integer[], p_quantity bigint[], p_order text[], p_channel text[], p_expires timestamptz[], p_ended text[],
    p_use text[]
) RETURNS jsonb LANGUAGE plpgsql AS $$
DECLARE
    inserted integer;
    reuses jsonb;
BEGIN
    INSERT INTO reservations (reservation_id, line, sku_id, warehouse_id, quantity, order_id, channel, expires_at,
                              status, ended_as, ended_at, partition, home, use)
    SELECT id, line, sku, warehouse, quantity, order_id, channel, expires,
           CASE WHEN ended IS NULL THEN 'active' WHEN ended = 'committed' THEN 'committed' ELSE 'released' END::reservation_status,
           ended::reservation_end, CASE WHEN ended IS NOT NULL THEN p_clock END, p_partition,
           coalesce((used::jsonb ->> 'home')::integer, p_partition), used::jsonb
    FROM unnest(p_id, p_line, p_sku, p_warehouse, p_quantity, p_order, p_channel, p_expires, p_ended, p_use)
        u (id, line, sku, warehouse, quantity, order_id, channel, expires, ended, used)
    ON CONFLICT DO NOTHING;
    GET DIAGNOSTICS inserted = ROW_COUNT;
    IF inserted = cardinality(p_id) THEN
        RETURN '[]';
    END IF;
    WITH second AS (
        INSERT INTO reservation_reuses (partition, window_seq, reservation_id, line, sku_id, warehouse_id, quantity,
                                        order_id, channel, expires_at, status, ended_as, ended_at, use)
        SELECT p_partition, p_seq, id, u.line, sku, warehouse, u.quantity, u.order_id, u.channel, expires,
               CASE WHEN ended IS NULL THEN 'active' WHEN ended = 'committed' THEN 'committed' ELSE 'released' END::reservation_status,
               ended::reservation_end, CASE WHEN ended IS NOT NULL THEN p_clock END, used::jsonb
        FROM unnest(p_id, p_line, p_sku, p_warehouse, p_quantity, p_order, p_channel, p_expires, p_ended, p_use)
            u (id, line, sku, warehouse, quantity, order_id, channel, expires, ended, used)
        JOIN reservations r ON r.reservation_id = ANY (ARRAY[u.id]) AND r.line = u.line
        WHERE r.xmin <> pg_current_xact_id()::xid
        RETURNING reservation_id, reservation_reuses.line, sku_id, warehouse_id, status),
    undone AS (
        SELECT DISTINCT ON (reservation_id) reservation_id, sku_id, warehouse_id
        FROM second WHERE status = 'active' ORDER BY reservation_id, line)
    SELECT jsonb_agg(jsonb_build_object('reservation_id', reservation_id, 'sku_id', sku_id, 'warehouse_id', warehouse_id)
                     ORDER BY reservation_id)
    INTO reuses FROM undone;
    RETURN coalesce(reuses, '[]');
END $$;

-- Active holds end one way; of an order all lines here, so that its id comes once for each of them. Returns the ids that no active
-- hold of the partition has (empty if all is well).
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

-- New expiries of active holds, one by one: they are few. Of an order whose id comes anew some lines may be second uses and some not.
CREATE FUNCTION ledger_extend_holds(p_partition integer, p_id uuid[], p_expires timestamptz[])
RETURNS void LANGUAGE plpgsql AS $$
BEGIN
    FOR i IN 1 .. cardinality(p_id) LOOP
        UPDATE reservations SET expires_at = p_expires[i]
        WHERE reservation_id = p_id[i] AND partition = p_partition AND status = 'active';
    END LOOP;
    UPDATE reservation_reuses SET expires_at = p_expires[array_position(p_id, reservation_id)]
    WHERE partition = p_partition AND reservation_id = ANY (p_id) AND status = 'active';
END $$;
