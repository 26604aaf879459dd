"""Minds and their appetites: policies choose actions, usage sources say what thinking took."""
