"""The dialogue of an agent with its model, and the providers that answer."""
