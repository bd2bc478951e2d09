"""Listings, the read model behind them, suggestions and the sitemap."""
