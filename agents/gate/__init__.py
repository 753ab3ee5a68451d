"""The gate agent: commands become decisions, a batch at a time, by the script in Redis.

`batch` admits records and `rows` makes the script's rows of them; `telling` makes decisions of the script's outcomes (`subjects` and,
about lines of orders and transfers, `of_legs` say what they repeat of the command) and `forwards` the slips for other partitions; `lane`
is the order in which that happens and what is done after a crash; `sweeper` sees to it that reservations expire. None of them knows
Faust, Kafka or Redis: those stand behind protocols.
"""
