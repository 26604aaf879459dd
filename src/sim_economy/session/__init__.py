"""One live world: play it, keep it, read it back, verify it, replay it."""
