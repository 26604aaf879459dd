"""Which inputs of a sweep decide its outcomes: Sobol indices, Morris effects, noise."""
