"""Comparison of names as the databases' collations do it."""

from __future__ import annotations

import unicodedata

_LAST_DISTINCT = "\uffff"  # MariaDB compares all characters beyond it, such as emoji, as equal


def collation_key(name: str) -> str:
    """A key that is equal for names that a database takes for the same, such as "Größe" and "grosse"."""
    plain = unicodedata.normalize("NFKD", name).casefold()
    letters = (letter for letter in plain if not unicodedata.combining(letter))
    return "".join(min(letter, _LAST_DISTINCT) for letter in letters).strip()
