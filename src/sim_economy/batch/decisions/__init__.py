"""What agents decide, for all lanes: one module for each kind of policy."""
