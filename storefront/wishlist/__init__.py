"""Wishlists as shoppers see them: what the accounts remember, at the catalogue's prices now, on its way to the cart.

It has no tables: lists and notices lie in the accounts' schema, behind their door.
"""
