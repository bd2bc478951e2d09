"""Home page, listings, search and product pages."""
