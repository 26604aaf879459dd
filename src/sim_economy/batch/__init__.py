"""The same economy for very many worlds at once, bit for bit the core's."""
