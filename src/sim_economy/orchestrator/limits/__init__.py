"""Budgets, and the rate of calls."""
