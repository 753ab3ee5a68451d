"""The router agent: `inventory.requests`, where any key and partitioner will do, is passed on into `inventory.commands`.

`passing` makes of a request the record that is appended, `finder` looks up where a reservation is, `topic` whether the topic is still
the same one, `lane` is the order in which that happens, `wiring` puts real servers behind it. What a repeat after a crash comes to is
told in `lane`.
"""
