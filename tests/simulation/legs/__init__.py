"""Orders, transfers and passed-on commands over several partitions, with everything going wrong that may.

A small world in memory: partitions' logs, a lane for each, and by which rules it decides: the reference model alone, or the real script
with the model beside it. Lanes die between any two appends, wake up again later and append the rest, stores go back to an earlier
state, clocks differ, clients are careless. Whatever happens, what is told must hold (`checks.py`).

Read `world.py` first, then `history.py`, which lets it happen by chance, and `checks.py`. `wrongs.py` has faults that must be found.
"""
