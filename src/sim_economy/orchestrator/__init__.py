"""Agents that are language models: asked each turn, billed for their own tokens."""
