"""What was published: the paper's rows and claims, a later report's figures; ours beside them."""
