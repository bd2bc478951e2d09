"""The least that is valid; a test names only what matters to it."""
