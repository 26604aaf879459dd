"""Figures from plain arrays, and what all are drawn with."""
