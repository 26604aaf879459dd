"""Where a world's records are kept: in memory or in SQLite, by one protocol."""
