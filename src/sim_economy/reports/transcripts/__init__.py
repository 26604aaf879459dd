"""A run of models as a page: what each agent saw, thought, said, did and paid."""
