"""Logs of real usage: read, normalised and accounted for; turns, units and names from them."""
