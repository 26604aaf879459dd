"""Sidecar files of a ledger, and ledger locations."""
