"""Names that a database takes for the same."""

from __future__ import annotations

import unicodedata

_LAST_IT_TELLS_APART = "\uffff"  # MariaDB compares whatever comes after it, such as emoji, as one letter


def collation_key(name: str) -> str:
    """What such names have in common: "Größe" and "grosse"."""
    plain = unicodedata.normalize("NFKD", name).casefold()
    letters = (letter for letter in plain if not unicodedata.combining(letter))
    return "".join(min(letter, _LAST_IT_TELLS_APART) for letter in letters).strip()
