"""Measured usage under a tariff: fees, balances, who runs dry and when; all turns at once."""
