"""Sweeps: a scenario played at very many points of its parameters, and the way back to each run."""
