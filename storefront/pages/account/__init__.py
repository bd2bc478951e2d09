"""The pages of an account, on one blueprint; each module adds its routes to it.

Whoever is signed in sees and changes only what is theirs.
"""

from storefront.pages.account import addresses, payment_methods, privacy, views

bp = views.bp

__all__ = ["addresses", "bp", "payment_methods", "privacy", "views"]
