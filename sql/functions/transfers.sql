-- Transfers of the window ([{transfer_id, opened_at_ms, ..., shipped, arrived, adjusted, status}], by id): what it adds to their rows.
-- A row that ended or was undone stays so, whichever lane comes second.
CREATE FUNCTION ledger_write_transfers(p_transfers jsonb) RETURNS void LANGUAGE sql AS $$
    INSERT INTO transfers AS t (transfer_id, opened_at, sku_id, source_warehouse, dest_warehouse, mode, shipped, arrived,
                                adjusted, awaited, expected_at, status, use)
    SELECT transfer_id, to_timestamp(opened_at_ms / 1000.0), sku_id, source_warehouse, dest_warehouse, mode, shipped, arrived,
           adjusted, awaited, to_timestamp(expected_at_ms / 1000.0), status, use
    FROM jsonb_to_recordset(p_transfers) r (transfer_id uuid, opened_at_ms bigint, sku_id text, source_warehouse integer,
        dest_warehouse integer, mode text, shipped bigint, arrived bigint, adjusted bigint, awaited bigint, expected_at_ms bigint,
        status transfer_status, use bigint)
    ORDER BY transfer_id, opened_at_ms, use
    ON CONFLICT (transfer_id, opened_at, use) DO UPDATE
        SET shipped = t.shipped + excluded.shipped, arrived = t.arrived + excluded.arrived,
            adjusted = t.adjusted + excluded.adjusted, awaited = coalesce(t.awaited, excluded.awaited), expected_at = coalesce(t.expected_at, excluded.expected_at),
            mode = CASE WHEN excluded.shipped > 0 THEN excluded.mode ELSE t.mode END,
            status = greatest(t.status, excluded.status)
$$;
