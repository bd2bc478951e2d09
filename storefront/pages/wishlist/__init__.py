"""The wishlist's pages."""
