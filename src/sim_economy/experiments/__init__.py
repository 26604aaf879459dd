"""Many runs of a scenario in a folder that can be resumed."""
