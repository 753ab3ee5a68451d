"""`onhand why`: the story of a position, told from the log."""
