-- What the gateway's reads need: when warehouses work, which positions are low, and movements by position.

CREATE TABLE warehouses (
    warehouse_id  integer     NOT NULL,
    name          text        NOT NULL,
    time_zone     text        NOT NULL,
    working_days  smallint[]  NOT NULL,
    holidays      date[]      NOT NULL,
    cutoff        time        NOT NULL,
    handling_days integer     NOT NULL,
    updated_at    timestamptz NOT NULL DEFAULT now(),
    CONSTRAINT warehouses_pkey PRIMARY KEY (warehouse_id),
    CONSTRAINT warehouses_id_is_well_formed CHECK (warehouse_id BETWEEN 1 AND 32767),
    CONSTRAINT warehouses_works_some_days
        CHECK (cardinality(working_days) BETWEEN 1 AND 7 AND working_days <@ '{1,2,3,4,5,6,7}'::smallint[]),
    CONSTRAINT warehouses_handling_is_within_limits CHECK (handling_days BETWEEN 0 AND 365)
);

-- The positions that are low: `ledger_mark_low` follows their crossings of the reorder point. An index of `inventory` instead,
-- on what is low, would cost each window 28 %: its rows could no longer be updated heap-only.
CREATE TABLE low_stock (
    sku_id       text    NOT NULL,
    warehouse_id integer NOT NULL,
    CONSTRAINT low_stock_pkey PRIMARY KEY (sku_id, warehouse_id)
);
INSERT INTO low_stock SELECT sku_id, warehouse_id FROM inventory WHERE reorder_point > 0 AND available_qty <= reorder_point;

-- A row is in one of the two (a transfer's in both): a page of a position's history is read from their ends.
CREATE INDEX stock_movements_from ON stock_movements (sku_id, source_warehouse, movement_id)
    WHERE source_warehouse IS NOT NULL;
CREATE INDEX stock_movements_to ON stock_movements (sku_id, dest_warehouse, movement_id)
    WHERE dest_warehouse IS NOT NULL;
