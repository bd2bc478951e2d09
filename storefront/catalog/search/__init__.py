"""Full-text search, spelling, fallbacks, and the synonyms that staff keep."""

from __future__ import annotations

from storefront.catalog.search.synonyms import add_synonyms, list_synonyms, remove_synonyms

__all__ = ["add_synonyms", "list_synonyms", "remove_synonyms"]
