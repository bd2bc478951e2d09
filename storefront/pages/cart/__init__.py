"""The cart's pages."""
