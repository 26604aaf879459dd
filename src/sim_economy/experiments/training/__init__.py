"""Policies trained against the rules of a scenario: candidates, generations, the folder of both."""
