"""Usage logs: rows, civil turns, units and names made from them."""
