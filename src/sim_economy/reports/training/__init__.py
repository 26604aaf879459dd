"""The report of a training: what was reached, how, and what the trained policy does."""
