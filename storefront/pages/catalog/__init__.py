"""Home, listings, search and product pages."""
