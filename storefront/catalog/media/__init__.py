"""Product images and their storage."""
