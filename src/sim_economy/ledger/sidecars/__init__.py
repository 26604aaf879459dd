"""Files beside a ledger, and where a ledger is."""
