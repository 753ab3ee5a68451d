"""The gate: script and client against a real server."""
