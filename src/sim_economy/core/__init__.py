"""The economy itself: pure, without clock, chance, files or network."""
