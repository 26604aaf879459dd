"""The record of an orchestrated run: its folder, its calls, its transcript."""
