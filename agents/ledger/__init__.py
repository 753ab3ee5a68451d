"""The ledger's agent: decisions become durable rows in PostgreSQL, and what became durable is announced.

`intake` puts records in order of seq and cuts windows, `fold` makes of a window what it does to the ledger, `events` what it tells;
all three are pure. `lane` is the story of one partition: recover, gather for 100 ms, fold, write (`onhand.sql.ledger`, one
call and one transaction), announce, acknowledge. The next window is folded while the last is written, and written only when
that is announced. `ports` says what the lane needs of its store, `wiring` puts it on real servers. Nothing here imports Faust, psycopg or
Redis but `wiring`, so a simulation can run the lane as it is.

A crossing of the reorder point is found by the database itself (the update of a position returns its reorder point, for
nothing) and stored beside the watermark, so that no worker keeps a copy of reorder points that a takeover could make stale.
"""
