"""One world of many agents."""
