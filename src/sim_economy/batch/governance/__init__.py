"""Interventions, for all lanes: worlds that have some are played by code of their own."""
