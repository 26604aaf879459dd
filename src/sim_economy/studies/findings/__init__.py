"""What a study of treatments says: effects, matches, contrasts, shocks, and the claims."""
