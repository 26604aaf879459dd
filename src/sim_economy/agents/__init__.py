"""Policies that choose actions, and models of what the choosing takes."""
