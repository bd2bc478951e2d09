"""Products, variants, prices and offers."""
