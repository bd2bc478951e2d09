"""Wishlist use cases that span several domains: items with current offers, moving to the cart, stock alerts.

It has no tables: wishlists and alerts are stored by the accounts domain.
"""
