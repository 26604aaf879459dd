"""Estimates from plain numbers; nothing here knows the economy."""
