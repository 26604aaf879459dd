"""What a scenario file may say, and the scenarios that ship."""
