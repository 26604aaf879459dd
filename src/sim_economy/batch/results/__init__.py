"""What is added up, and what is left at the end."""
