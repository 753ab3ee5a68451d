"""`POST /inventory/batch`: many movements in one call, streamed both ways."""
