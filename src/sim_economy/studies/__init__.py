"""Studies of treatments: what each does to whom, under every behaviour and horizon."""
