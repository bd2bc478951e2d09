"""Every page of the account, on its one blueprint."""

from storefront.customer import addresses, departure, methods, views

bp = views.bp

__all__ = ["addresses", "bp", "departure", "methods", "views"]
