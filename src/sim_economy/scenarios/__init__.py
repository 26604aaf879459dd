"""Scenario files: their tables, the presets, the shipped scenarios."""
