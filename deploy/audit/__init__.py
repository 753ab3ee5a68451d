"""The auditor: decides the log again by its own reference model and compares every store with it."""
