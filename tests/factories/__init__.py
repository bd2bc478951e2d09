"""Factories of minimal valid objects; a test passes only the values that matter to it."""
