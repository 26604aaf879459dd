"""Turns of a world, read once and kept small."""
