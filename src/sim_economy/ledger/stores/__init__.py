"""Where records are kept: one protocol, and the databases that keep it."""
