"""Searches for the best points of a scenario under constraints that hold with a chance."""
