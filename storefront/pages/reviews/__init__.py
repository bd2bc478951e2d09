"""Reviews on the product page."""
