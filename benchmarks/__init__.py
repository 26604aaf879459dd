"""Ratios measured in one run, side by side; nothing here is a test."""
