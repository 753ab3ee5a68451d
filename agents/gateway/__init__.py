"""The gateway: the agent that speaks HTTP. Start in `app.py`."""
