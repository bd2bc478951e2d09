"""Addresses that people and other sites hand in."""

from __future__ import annotations


def safe_next_path(url: str | None) -> str | None:
    """A path of this shop as it may be redirected to; None for whatever a browser could read as another site's."""
    if not url or not url.startswith("/") or url.startswith("//") or "\\" in url:
        return None
    return url if url.isprintable() else None  # browsers drop tabs and line ends
