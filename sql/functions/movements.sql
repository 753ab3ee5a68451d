-- Append movements; their ids are the caller's.
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
