"""Products and their variants, prices and offers."""
