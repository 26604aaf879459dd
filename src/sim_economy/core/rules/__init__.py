"""The arithmetic of the rules, and their refusals; none of them changes anything."""
