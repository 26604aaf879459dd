"""The shipped policies, one module for each family."""
