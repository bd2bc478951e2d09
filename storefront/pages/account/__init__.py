"""Account pages, on one blueprint to which each module adds its routes.

All of them require a sign-in and show only the data of that account.
"""

from storefront.pages.account import addresses, payment_methods, privacy, views

bp = views.bp

__all__ = ["addresses", "bp", "payment_methods", "privacy", "views"]
