"""Tests of the viewer: what it reads, answers and refuses."""
