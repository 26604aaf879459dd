"""Minds that are asked: the turn loop in which language models pay for their own tokens."""
