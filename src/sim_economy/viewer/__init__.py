"""What runs or ran, as pages: the answers they are made of, and where those come from."""
