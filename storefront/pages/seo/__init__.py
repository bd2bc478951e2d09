"""What searchers and link previews are told: canonical addresses, structured data, robots.txt and the sitemap.

It has no tables: what is on sale it asks the catalogue.
"""
