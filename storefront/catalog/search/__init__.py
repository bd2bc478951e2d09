"""Full-text search, spelling and fallbacks."""
