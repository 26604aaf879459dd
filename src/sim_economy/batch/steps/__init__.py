"""The steps of each rule, for all lanes."""
