"""A ledger read: statements, tables, series, counts, differences."""
