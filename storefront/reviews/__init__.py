"""Writing reviews: what the catalogue keeps, by whom the accounts know, of goods the orders delivered.

It has no tables: reviews lie in the catalogue's schema, behind its door.
"""
