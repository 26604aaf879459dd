"""Treatments side by side: as data, and as a report."""
