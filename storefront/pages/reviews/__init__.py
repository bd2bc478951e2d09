"""Reviews on a product's page."""
