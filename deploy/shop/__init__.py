"""`onhand receive`, `reserve`, ...: the verbs on the command line, as clients of the gateway."""
