"""Published results: the paper's rows and claims, a later report's figures."""
