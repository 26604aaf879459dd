"""One run: the loop that drives policies, and the metrics of what it leaves."""
