"""Stores of records: one protocol, and the databases that follow it."""
