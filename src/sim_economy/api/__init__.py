"""The engine behind HTTP: it translates, protects and persists; the rules stay in the core."""
