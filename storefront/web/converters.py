"""URL converters."""

from __future__ import annotations

from werkzeug.routing import IntegerConverter, Map

from storefront.db.session import MAX_INTEGER


class IdConverter(IntegerConverter):
    """Matches ids: integers that fit an id column; a URL with a larger number is a 404."""

    def __init__(self, map: Map) -> None:
        super().__init__(map, max=MAX_INTEGER)
