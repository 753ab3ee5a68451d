-- What was to be ordered: a row per `reorder.triggered`. It is open until `received_units` (movements `receive` at the position in
-- windows after the one that opened it) reach the suggestion, or until what is available rises above the reorder point.
-- `reorder_id` is made of the partition, the seq of that window and the position: the same however often it is told.
CREATE TYPE reorder_status AS ENUM ('open', 'received', 'closed');

CREATE TABLE reorders (
    reorder_id         uuid           NOT NULL,
    sku_id             text           NOT NULL,
    warehouse_id       integer        NOT NULL,
    suggested_quantity bigint         NOT NULL,
    reorder_point      bigint         NOT NULL,
    received_units     bigint         NOT NULL DEFAULT 0,
    status             reorder_status NOT NULL DEFAULT 'open',
    opened_at          timestamptz    NOT NULL,
    closed_at          timestamptz,
    partition          integer        NOT NULL,
    CONSTRAINT reorders_pkey PRIMARY KEY (reorder_id),
    CONSTRAINT reorders_units_are_never_negative CHECK (suggested_quantity >= 0 AND received_units >= 0),
    CONSTRAINT reorders_end_fits_status CHECK ((closed_at IS NULL) = (status = 'open')),
    CONSTRAINT reorders_received_is_all_of_it CHECK (status <> 'received' OR received_units >= suggested_quantity)
);
-- One open at most per position (which has one partition), and whether a partition has any.
CREATE UNIQUE INDEX reorders_one_open ON reorders (partition, sku_id, warehouse_id) WHERE status = 'open';
-- A position's, the open one last. Not partial: a partial one would be read as a whole by plans made while it was empty.
CREATE INDEX reorders_of_position ON reorders (sku_id, warehouse_id, closed_at);
