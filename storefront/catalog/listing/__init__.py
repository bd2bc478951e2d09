"""Listings and the read model they are read from."""
