"""Writing reviews, shared by pages and API: combines accounts, orders and the catalogue, which stores the reviews."""
