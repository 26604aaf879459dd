"""What a study of treatments says: effects, matches, interactions, shocks, and the claims."""
