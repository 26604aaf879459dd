"""Logs of real usage as usage rows: read, normalised, deduplicated, and accounted for."""
