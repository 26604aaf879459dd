"""Forms of usage logs, one module for each; they name fields and decide nothing."""
