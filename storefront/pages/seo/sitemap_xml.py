"""The XML files of a sitemap, in the format of sitemaps.org."""

from __future__ import annotations

from collections.abc import Iterable

from markupsafe import escape

_HEAD = '<?xml version="1.0" encoding="UTF-8"?>\n'
_SCHEMA = "http://www.sitemaps.org/schemas/sitemap/0.9"


def index(addresses: Iterable[str]) -> str:
    """Write the index file of a sitemap.

    :param addresses: absolute URLs of its files
    """
    files = "".join(f"<sitemap><loc>{escape(address)}</loc></sitemap>\n" for address in addresses)
    return f'{_HEAD}<sitemapindex xmlns="{_SCHEMA}">\n{files}</sitemapindex>\n'


def url_set(addresses: Iterable[str]) -> str:
    """Write one file of a sitemap.

    :param addresses: absolute URLs of pages
    """
    pages = "".join(f"<url><loc>{escape(address)}</loc></url>\n" for address in addresses)
    return f'{_HEAD}<urlset xmlns="{_SCHEMA}">\n{pages}</urlset>\n'
