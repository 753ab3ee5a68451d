-- What commands of several positions need: orders' uses of their ids, transfers on the way, stamps of slips that were seen.

-- Of a line of an order: {hash, opened_at_ms, home, legs}, which a rebuild of the gate needs.
ALTER TABLE reservations ADD COLUMN use jsonb;
ALTER TABLE reservation_reuses ADD COLUMN use jsonb;

-- By source partition [offset, index]: slips at or below it count no more.
ALTER TABLE ledger_partitions ADD COLUMN seen jsonb NOT NULL DEFAULT '{}';

CREATE TYPE transfer_status AS ENUM ('open', 'ended', 'undone');

-- One row per use of a transfer's id, written by the lanes of its source and its destination, in any order; so one of the two may be
-- ahead. On the way are `shipped + adjusted - arrived` units while it is open. `adjusted`: found to be missing (negative) or too many.
-- `awaited`: units that the destination opened the transfer with, null until it did.
CREATE TABLE transfers (
    transfer_id      uuid            NOT NULL,
    opened_at        timestamptz     NOT NULL,
    sku_id           text            NOT NULL,
    source_warehouse integer         NOT NULL,
    dest_warehouse   integer         NOT NULL,
    mode             text            NOT NULL,
    shipped          bigint          NOT NULL,
    arrived          bigint          NOT NULL,
    adjusted         bigint          NOT NULL,
    awaited          bigint,
    expected_at      timestamptz,
    status           transfer_status NOT NULL,
    use              bigint          NOT NULL,
    CONSTRAINT transfers_pkey PRIMARY KEY (transfer_id, opened_at),
    CONSTRAINT transfers_shipped_and_arrived_are_never_negative CHECK (shipped >= 0 AND arrived >= 0),
    CONSTRAINT transfers_ends_differ CHECK (source_warehouse <> dest_warehouse),
    CONSTRAINT transfers_mode_is_known CHECK (mode IN ('instant', 'dispatch'))
);
CREATE INDEX transfers_expected ON transfers (sku_id, dest_warehouse) WHERE status = 'open';

-- Units that left a warehouse and are not in another yet.
CREATE VIEW in_transit AS
    SELECT transfer_id, sku_id, source_warehouse, dest_warehouse, shipped + adjusted - arrived AS quantity, expected_at, opened_at
    FROM transfers WHERE status = 'open' AND shipped + adjusted <> arrived;
