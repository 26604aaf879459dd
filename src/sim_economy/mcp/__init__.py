"""Tools over the Model Context Protocol, for agents of a running engine."""
