"""The gate: the scripts that decide, and one typed method per script. The only folder that imports redis."""
