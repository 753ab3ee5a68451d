-- The ledger's tables. Rows are the fold of the decisions; nothing here is decided, only kept.
-- Quantities are units. Times are the partition's clock (greatest record timestamp so far), except `applied_at`/`raised_at`.

CREATE TYPE reservation_status AS ENUM ('active', 'committed', 'released');
CREATE TYPE reservation_end AS ENUM ('committed', 'released', 'expired');
CREATE TYPE movement_type AS ENUM ('receive', 'ship', 'transfer', 'adjust', 'return');

-- A row from the first change or `set_reorder` of a position on. No upper limit of units: an undone transfer may pass it.
CREATE TABLE inventory (
    sku_id           text        NOT NULL,
    warehouse_id     integer     NOT NULL,
    available_qty    bigint      NOT NULL,
    reserved_qty     bigint      NOT NULL,
    total_qty        bigint      NOT NULL,
    reorder_point    bigint      NOT NULL DEFAULT 0,
    version          bigint      NOT NULL,
    updated_at       timestamptz NOT NULL,
    reorder_quantity bigint      NOT NULL DEFAULT 0,
    partition        integer     NOT NULL,
    CONSTRAINT inventory_pkey PRIMARY KEY (sku_id, warehouse_id),
    CONSTRAINT inventory_available_is_never_negative CHECK (available_qty >= 0),
    CONSTRAINT inventory_reserved_is_never_negative CHECK (reserved_qty >= 0),
    CONSTRAINT inventory_total_is_available_and_reserved CHECK (total_qty = available_qty + reserved_qty),
    CONSTRAINT inventory_version_is_never_negative CHECK (version >= 0),
    CONSTRAINT inventory_reorder_within_limits
        CHECK (reorder_point BETWEEN 0 AND 1000000000 AND reorder_quantity BETWEEN 0 AND 1000000000),
    CONSTRAINT inventory_warehouse_is_well_formed CHECK (warehouse_id BETWEEN 1 AND 32767)
);

-- One row per line that was ever reserved. Half of each page stays free, so that an ending is a heap-only update;
-- an index on active holds would undo that (measured: +40 % of the server's CPU), so there is none.
-- `partition` holds the line's position, `home` decides the reservation's end (the same for one-line reservations).
-- `ended_at` is the clock of the ledger window that told the end.
CREATE TABLE reservations (
    reservation_id uuid               NOT NULL,
    sku_id         text               NOT NULL,
    warehouse_id   integer            NOT NULL,
    quantity       bigint             NOT NULL,
    order_id       text,
    expires_at     timestamptz        NOT NULL,
    status         reservation_status NOT NULL,
    ended_as       reservation_end,
    line           integer            NOT NULL,
    channel        text,
    ended_at       timestamptz,
    partition      integer            NOT NULL,
    home           integer            NOT NULL,
    CONSTRAINT reservations_pkey PRIMARY KEY (reservation_id, line),
    CONSTRAINT reservations_quantity_is_positive CHECK (quantity > 0),
    CONSTRAINT reservations_end_fits_status CHECK (
        CASE status WHEN 'active' THEN ended_as IS NULL AND ended_at IS NULL
                    WHEN 'committed' THEN ended_as = 'committed' AND ended_at IS NOT NULL
                    ELSE ended_as IN ('released', 'expired') AND ended_at IS NOT NULL END)
) WITH (fillfactor = 50);

-- A reservation id that was used before (ended long ago, or alive in another partition) and came again: the second hold,
-- which a `release` of onhand's own undoes.
CREATE TABLE reservation_reuses (
    partition      integer            NOT NULL,
    window_seq     bigint             NOT NULL,
    reservation_id uuid               NOT NULL,
    line           integer            NOT NULL,
    sku_id         text               NOT NULL,
    warehouse_id   integer            NOT NULL,
    quantity       bigint             NOT NULL,
    order_id       text,
    channel        text,
    expires_at     timestamptz        NOT NULL,
    status         reservation_status NOT NULL,
    ended_as       reservation_end,
    ended_at       timestamptz,
    CONSTRAINT reservation_reuses_pkey PRIMARY KEY (partition, window_seq, reservation_id, line)
);

-- Append only. movement_id has UUIDv7's layout over (clock, partition, seq): the same after any replay, and in order.
CREATE TABLE stock_movements (
    movement_id      uuid          NOT NULL,
    sku_id           text          NOT NULL,
    source_warehouse integer,
    dest_warehouse   integer,
    quantity         bigint        NOT NULL,
    movement_type    movement_type NOT NULL,
    reference_id     text,
    created_at       timestamptz   NOT NULL,
    CONSTRAINT stock_movements_pkey PRIMARY KEY (movement_id),
    CONSTRAINT stock_movements_quantity_is_positive_unless_adjusted
        CHECK (quantity > 0 OR (movement_type = 'adjust' AND quantity <> 0)),
    CONSTRAINT stock_movements_ends_fit_type CHECK (
        (source_warehouse IS NOT NULL) = (movement_type IN ('ship', 'transfer'))
        AND (dest_warehouse IS NOT NULL) = (movement_type IN ('receive', 'return', 'adjust', 'transfer')))
);

-- One row per partition: how far the ledger is, written in the same transaction as what it tells.
-- `seq`, `source_offset`, `clock_ms` are those of the last decision that is in; `decisions_offset` is the next to be read.
-- `events` are the last window's, packed; `crossings` (of the reorder point) and `reuses` (to be undone) what the write found:
-- all three are told again by a worker that starts.
CREATE TABLE ledger_partitions (
    partition        integer     NOT NULL,
    topic_id         text        NOT NULL,
    seq              bigint      NOT NULL,
    source_offset    bigint      NOT NULL,
    decisions_offset bigint      NOT NULL,
    clock_ms         bigint      NOT NULL,
    window_ms        bigint      NOT NULL,
    sweep_limit      integer     NOT NULL,
    rules            integer     NOT NULL,
    events           bytea       NOT NULL DEFAULT '',
    crossings        jsonb       NOT NULL DEFAULT '[]',
    reuses           jsonb       NOT NULL DEFAULT '[]',
    CONSTRAINT ledger_partitions_pkey PRIMARY KEY (partition),
    CONSTRAINT ledger_partitions_watermark_is_sane
        CHECK (partition >= 0 AND seq >= 0 AND source_offset >= -1 AND decisions_offset >= 0 AND clock_ms >= 0),
    CONSTRAINT ledger_partitions_settings_are_positive CHECK (window_ms > 0 AND sweep_limit > 0 AND rules > 0)
) WITH (fillfactor = 10);
ALTER TABLE ledger_partitions ALTER COLUMN events SET STORAGE EXTERNAL;

-- What was done under which id, one row per window of the ledger: with `reservations` all that the gate remembers.
-- Rows older than two windows of ids are deleted when the clock enters a new one.
CREATE TABLE remembered_ids (
    partition integer NOT NULL,
    clock_ms  bigint  NOT NULL,
    seq       bigint  NOT NULL,
    ids       bytea   NOT NULL,
    CONSTRAINT remembered_ids_pkey PRIMARY KEY (partition, clock_ms, seq)
);
ALTER TABLE remembered_ids ALTER COLUMN ids SET STORAGE EXTERNAL;

-- Units that customers wished and did not get, by day of the clock (UTC): what a reorder should cover besides its own quantity.
CREATE TABLE refused_units (
    partition    integer NOT NULL,
    day          date    NOT NULL,
    sku_id       text    NOT NULL,
    warehouse_id integer NOT NULL,
    units        bigint  NOT NULL,
    CONSTRAINT refused_units_pkey PRIMARY KEY (partition, day, sku_id, warehouse_id),
    CONSTRAINT refused_units_are_positive CHECK (units > 0)
) WITH (fillfactor = 70);

-- What an operator must see; `stops` ones hold their partition until `onhand resume` deletes them.
CREATE TABLE ledger_alarms (
    partition     integer     NOT NULL,
    code          text        NOT NULL,
    message       text        NOT NULL,
    record_offset bigint      NOT NULL,
    stops         boolean     NOT NULL,
    raised_at     timestamptz NOT NULL DEFAULT now(),
    CONSTRAINT ledger_alarms_pkey PRIMARY KEY (partition, code)
);
