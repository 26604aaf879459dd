"""What pages say of a world, from its records."""
