"""Treatments and their runs: what to play, how often, and what came of it."""
