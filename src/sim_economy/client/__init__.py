"""A typed client of the engine, for synchronous and asynchronous programs."""
