"""Names in URLs, made of names in any script."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Collection
from itertools import count

from anyascii import anyascii

MAX_SLUG_LENGTH = 80  # characters


def slugify(name: str, otherwise: str = "product") -> str:
    """Generate the URL form of a name: lower-case Latin letters, digits and hyphens, at most `MAX_SLUG_LENGTH` long.

    Names in other scripts are transliterated: "किताबें" becomes "kitabem".

    :param otherwise: the result for a name of which nothing is left
    """
    letters = anyascii(unicodedata.normalize("NFKC", name)).lower()
    return re.sub(r"[^a-z0-9]+", "-", letters).strip("-")[:MAX_SLUG_LENGTH].rstrip("-") or otherwise


def free_slug(name: str, taken: Collection[str], otherwise: str) -> str:
    """Generate a slug that nothing else has, with a number at its end where need be: "books-2"."""
    slug = slugify(name, otherwise)
    if slug not in taken:
        return slug
    numbered = (f"{slug[: MAX_SLUG_LENGTH - 4].rstrip('-')}-{number}" for number in count(2))
    return next(each for each in numbered if each not in taken)
