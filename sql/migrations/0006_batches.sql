-- What of batches that carry an Idempotency-Key was sent, and how it was decided, so that one which broke off goes on where it stopped.

-- A row per block of lines, written before they are sent; no line is in two rows. `numbers` are the lines' (4 bytes each, big-endian, in order),
-- `hashes` 8 bytes each of what was sent; `answers`, once some are known, a line of JSON each, empty where undecided, compressed (zlib).
-- Rows older than a day count as none and are deleted now and then.
CREATE TABLE batch_blocks (
    batch      uuid        NOT NULL,
    first_line integer     NOT NULL,
    numbers    bytea       NOT NULL,
    hashes     bytea       NOT NULL,
    sent_at    timestamptz NOT NULL DEFAULT now(),
    answers    bytea,
    CONSTRAINT batch_blocks_pkey PRIMARY KEY (batch, first_line),
    CONSTRAINT batch_blocks_have_a_hash_for_each_line CHECK (length(numbers) > 0 AND length(hashes) = 2 * length(numbers))
) WITH (fillfactor = 70);
CREATE INDEX batch_blocks_age ON batch_blocks (sent_at);
ALTER TABLE batch_blocks ALTER COLUMN answers SET STORAGE EXTERNAL;
