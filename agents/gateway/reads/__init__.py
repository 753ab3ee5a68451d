"""What the gateway answers without a command: availability, history, what is low, reservations; and warehouses. Start in `shelves.py`."""
