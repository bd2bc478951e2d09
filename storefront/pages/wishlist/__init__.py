"""Pages of the wishlist and of back-in-stock alerts."""
