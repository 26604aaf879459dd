"""What passes between an agent and its model, and the providers that answer."""
