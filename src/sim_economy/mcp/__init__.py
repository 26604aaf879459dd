"""A door for other minds: tools over the Model Context Protocol, for agents of a running engine."""
