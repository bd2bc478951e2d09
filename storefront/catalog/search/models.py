"""The table of the search that staff write."""

from __future__ import annotations

from sqlalchemy import String
from sqlalchemy.orm import Mapped, mapped_column

from storefront.catalog.models import CatalogModel
from storefront.catalog.values.search import MAX_SYNONYMS_LENGTH


class SearchSynonyms(CatalogModel):
    """Words and phrases that find the same products.

    :cvar phrases: separated by ", ", as staff entered them
    :cvar digest: SHA-256 of the words of its phrases, hexadecimal: the same set is stored once
    """

    __tablename__ = "search_synonyms"

    id: Mapped[int] = mapped_column(primary_key=True)
    phrases: Mapped[str] = mapped_column(String(MAX_SYNONYMS_LENGTH))
    digest: Mapped[str] = mapped_column(String(64), unique=True)
