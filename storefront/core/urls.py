"""Checks of URLs that come from requests."""

from __future__ import annotations


def safe_next_path(url: str | None) -> str | None:
    """Return a path that is safe to redirect to; None for anything a browser could resolve to another site."""
    if not url or not url.startswith("/") or url.startswith("//") or "\\" in url:
        return None
    return url if url.isprintable() else None  # browsers drop tabs and line ends from URLs
