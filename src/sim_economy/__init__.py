"""A laboratory for economies of AI agents that pay for their own thinking."""
