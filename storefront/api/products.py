"""Products: listed, looked up, put on sale, their stock asked for and taken."""

from __future__ import annotations

import hashlib
import uuid
from decimal import Decimal
from urllib.parse import urlencode

from flask import Response, current_app, request, url_for
from pydantic import TypeAdapter

from storefront.api.guards import caller, public, stock_staff
from storefront.api.operations import operation
from storefront.api.parsing import idempotency_key
from storefront.api.presenters import products as present
from storefront.api.schemas import Quantity
from storefront.api.schemas.products import (
    Product,
    ProductFilter,
    ProductIds,
    ProductInput,
    ProductSummary,
    StockReduced,
)
from storefront.catalog import service as catalog
from storefront.catalog.service import NewProduct, NewVariant, ProductQuery, Sku
from storefront.core import cache
from storefront.core.clock import utc_now
from storefront.core.money import Money
from storefront.web import session as web_session

MAX_AT_ONCE = 2000  # products in the whole list; a shop that has more is read on by pages
NEXT_PAGE_SIZE = 100
REVIEWS_IN_LIST = 3  # contract section 2.2.5
REVIEWS_IN_DETAIL = 100


@operation(
    "GET /api/products",
    "listProducts",
    tag="catalog",
    access=public,
    query=ProductFilter,
    answer=list[Product],
    headers={
        "X-Total-Count": "Number of matches, before paging",
        "Link": "The next page, where there is one",
        "ETag": "Ask again with If-None-Match",
    },
)
def list_products(query: ProductFilter) -> Response:
    """All products on sale as a bare array, by id.

    Without `page` nothing is left out up to 2,000 products; where there are more, `Link` names the page to go on with.
    """
    page, size = query.page, query.size if query.page is not None else MAX_AT_ONCE
    offset = (page or 0) * size
    ids, total = catalog.choose_products(_selection(query), offset=offset, limit=size)
    response = Response(_listed(ids), mimetype="application/json")
    response.headers["X-Total-Count"] = str(total)
    if offset + size < total:
        following = (page + 1, size) if page is not None else (MAX_AT_ONCE // NEXT_PAGE_SIZE, NEXT_PAGE_SIZE)
        response.headers["Link"] = f'<{_page_url(*following)}>; rel="next"'
    return response


_shape = TypeAdapter(list[Product])
_cached_lists: cache.RefreshingCache[bytes] = cache.RefreshingCache(
    "product lists of the API", fresh_seconds=30, max_age_seconds=30, max_entries=8
)


def _listed(ids: list[int]) -> bytes:
    """Products as JSON. The client asks for all of them twice a page: the same list is written out once.

    It is cached for half a minute in each process, and only as long as no price, stock or rating in it changes; an
    author's new picture may come that much later.
    """
    if not cache.is_enabled():
        return _write(ids)  # without the query that makes the key
    return _cached_lists.get_or_compute(catalog.etag_of(ids), lambda: _write(ids))


def _write(ids: list[int]) -> bytes:
    found = catalog.full_products(ids, reviews_each=REVIEWS_IN_LIST)
    avatars = present.avatars(review for value in found for review in value.reviews)
    return _shape.dump_json([present.product(value, avatars) for value in found], by_alias=True)


def _selection(query: ProductFilter) -> ProductQuery:
    return ProductQuery(
        words=query.search or query.q,
        category=query.category,
        brand=query.brand,
        least=_money(query.min_price),
        most=_money(query.max_price),
        sort=query.sort,
    )


def _money(amount: Decimal | None) -> Money | None:
    return None if amount is None else Money.of(amount, current_app.config["CURRENCY"])


def _page_url(page: int, size: int) -> str:
    asked = {**request.args.to_dict(), "page": page, "size": size}
    origin: str = current_app.config["PUBLIC_ORIGIN"]
    return f"{origin}{url_for('api.listProducts')}?{urlencode(asked)}"


@operation("GET /api/products/{productId}", "getProduct", tag="catalog", access=public, answer=Product, refusals=(404,))
def get_product(product_id: int) -> Product:
    """A product on sale."""
    found = catalog.get_full_product(product_id, reviews=REVIEWS_IN_DETAIL)
    return present.product(found, present.avatars(found.reviews))


@operation(
    "POST /api/products",
    "createProduct",
    tag="catalog",
    access=stock_staff,
    body=ProductInput,
    answer=Product,
    refusals=(409,),
)
def create_product(body: ProductInput) -> Product:
    """Put a product on sale (staff)."""
    price = Money.of(body.price, current_app.config["CURRENCY"])
    new = NewProduct(
        sku=Sku(body.sku),
        name=body.name,
        brand=body.brand,
        description=body.description or "",
        categories=(),
        variants=(NewVariant(Sku(body.sku), "", price, body.stock),),
        published_on=utc_now().date(),
        specs=tuple((body.specifications or {}).items()),
    )
    product_id = catalog.add_product(new, body.category_ids or (), actor=web_session.current_actor())
    return present.product(catalog.get_full_product(product_id, reviews=0), {})


@operation(
    "POST /api/products/batch",
    "batchProducts",
    tag="catalog",
    access=public,
    body=ProductIds,
    answer=list[ProductSummary],
)
@operation(
    "POST /products/batch",
    "batchProductsAlias",
    tag="catalog",
    access=public,
    body=ProductIds,
    answer=list[ProductSummary],
)
def batch_products(body: list[int]) -> list[ProductSummary]:
    """Products by id.

    Unknown ids are left out, the order of the request is kept.
    """
    return [present.summary(card) for card in catalog.cards_of(body)]


@operation(
    "GET /api/products/{productId}/check-stock", "checkStock", tag="catalog", access=public, query=Quantity, answer=bool
)
def check_stock(product_id: int, query: Quantity) -> bool:
    """Whether so many units can be bought; false also for an unknown product."""
    return catalog.units_available(product_id) >= query.quantity


@operation(
    "PUT /api/products/{productId}/reduce-stock",
    "reduceStock",
    tag="catalog",
    access=stock_staff,
    query=Quantity,
    answer=StockReduced,
    refusals=(404, 409),
)
@operation(
    "PUT /products/{productId}/reduce-stock",
    "reduceStockAlias",
    tag="catalog",
    access=stock_staff,
    query=Quantity,
    answer=StockReduced,
    refusals=(404, 409),
)
def reduce_stock(product_id: int, query: Quantity) -> StockReduced:
    """Take units out of stock (staff).

    Repeated with the same `Idempotency-Key` header it takes nothing more.
    """
    catalog.decrement(
        product_id, query.quantity, reason="api", reference=_reference(), actor=web_session.current_actor()
    )
    return "Stock reduced successfully"


def _reference() -> str:
    """What the ledger knows this request by: the caller's own key, else one that nobody else has."""
    key = idempotency_key()
    if not key:
        return str(uuid.uuid4())
    return hashlib.sha256(f"{caller().id}:{key}".encode()).hexdigest()
