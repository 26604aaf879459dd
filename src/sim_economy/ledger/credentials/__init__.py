"""Tokens and signatures: who may ask, and who asked."""
