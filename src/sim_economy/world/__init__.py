"""One live world that plays: turns closed once, kept, restored and replayed."""
