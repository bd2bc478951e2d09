"""Search engine metadata: canonical URLs, link previews, structured data, robots.txt and the sitemap."""
