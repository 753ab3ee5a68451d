-- Two sources may use one id in the same millisecond, and no gate can know: their rows are told apart by the command, too.
ALTER TABLE transfers DROP CONSTRAINT transfers_pkey;
ALTER TABLE transfers ADD CONSTRAINT transfers_pkey PRIMARY KEY (transfer_id, opened_at, use);
