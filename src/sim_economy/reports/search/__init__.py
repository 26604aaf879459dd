"""The report of a search: its front, on seeds and behaviours that the search did not see."""
