-- Keep `low_stock` in step with the crossings that a window found ([{low, sku_id, warehouse_id, ..}], a position's in order).
CREATE FUNCTION ledger_mark_low(p_crossings jsonb) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
    crossed record;
BEGIN
    FOR crossed IN SELECT * FROM jsonb_to_recordset(p_crossings) c (low boolean, sku_id text, warehouse_id integer)
    LOOP
        IF crossed.low THEN
            INSERT INTO low_stock (sku_id, warehouse_id) VALUES (crossed.sku_id, crossed.warehouse_id) ON CONFLICT DO NOTHING;
        ELSE
            DELETE FROM low_stock WHERE sku_id = crossed.sku_id AND warehouse_id = crossed.warehouse_id;
        END IF;
    END LOOP;
END $$;
