"""Figures from plain arrays, as SVG text; nothing here knows the economy."""
