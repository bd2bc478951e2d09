"""What stands between the slashes of an address."""

from __future__ import annotations

from werkzeug.routing import IntegerConverter, Map

from storefront.db.session import MAX_INTEGER


class IdConverter(IntegerConverter):
    """`<id:product_id>` is a number that a column of ids can hold; an address with a larger one is a 404."""

    def __init__(self, map: Map) -> None:
        super().__init__(map, max=MAX_INTEGER)
