"""List, look up and create products, check their stock and reduce it."""

from __future__ import annotations

import hashlib
import uuid
from decimal import Decimal
from urllib.parse import urlencode

from flask import Response, current_app, request, url_for
from pydantic import TypeAdapter

from storefront.accounts.service import Scope
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
from storefront.catalog import inventory, listing, products
from storefront.catalog.products import NewProduct, NewVariant, ProductQuery
from storefront.catalog.values import Sku
from storefront.core import cache
from storefront.core.clock import today
from storefront.core.money import Money
from storefront.web import session as web_session
from storefront.web.api_callers import current_api_key
from storefront.web.replica_reads import reads_replica
from storefront.web.route_options import same_for_newcomers

MAX_UNPAGED = 2000  # products in a list without `page`; further ones follow by pages
NEXT_PAGE_SIZE = 100
REVIEWS_IN_LIST = 3  # contract section 2.2.5
REVIEWS_IN_DETAIL = 100


@operation(
    "GET /api/products",
    "listProducts",
    tag="catalog",
    access=public,
    scope=Scope.READ_CATALOG,
    query=ProductFilter,
    response=list[Product],
    headers={
        "X-Total-Count": "Number of matches, before paging",
        "Link": "The next page, where there is one",
        "ETag": "For conditional requests with If-None-Match",
    },
)
@same_for_newcomers
@reads_replica
def list_products(query: ProductFilter) -> Response:
    """All products on sale as a bare array, by id.

    Without `page` the response has up to 2,000 products; if there are more, `Link` has the URL of the next page.
    """
    page, size = query.page, query.size if query.page is not None else MAX_UNPAGED
    offset = (page or 0) * size
    ids, total = products.choose_products(_product_query(query), offset=offset, limit=size)
    response = Response(_cached_json(ids), mimetype="application/json")
    response.headers["X-Total-Count"] = str(total)
    if offset + size < total:
        following = (page + 1, size) if page is not None else (MAX_UNPAGED // NEXT_PAGE_SIZE, NEXT_PAGE_SIZE)
        response.headers["Link"] = f'<{_page_url(*following)}>; rel="next"'
    return response


_product_list = TypeAdapter(list[Product])
_cached_lists: cache.RefreshingCache[bytes] = cache.RefreshingCache(
    "product lists of the API", fresh_seconds=30, max_age_seconds=30, max_entries=8
)


def _cached_json(ids: list[int]) -> bytes:
    """Serialize products, cached because the legacy client requests the whole list twice on every page.

    An entry lives for 30 seconds in each process, and only as long as no price, stock or rating in it changes. An
    author's new avatar can therefore appear 30 seconds late.
    """
    if not cache.is_enabled():
        return _serialize(ids)  # saves the query that computes the cache key
    return _cached_lists.get_or_compute(products.etag_of(ids), lambda: _serialize(ids))


def _serialize(ids: list[int]) -> bytes:
    details = products.full_products(ids, reviews_each=REVIEWS_IN_LIST)
    avatars = present.avatars(review for detail in details for review in detail.reviews)
    return _product_list.dump_json([present.product(detail, avatars) for detail in details], by_alias=True)


def _product_query(query: ProductFilter) -> ProductQuery:
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
    parameters = {**request.args.to_dict(), "page": page, "size": size}
    origin: str = current_app.config["PUBLIC_ORIGIN"]
    return f"{origin}{url_for('api.listProducts')}?{urlencode(parameters)}"


@operation(
    "GET /api/products/{productId}",
    "getProduct",
    tag="catalog",
    access=public,
    scope=Scope.READ_CATALOG,
    response=Product,
    errors=(404,),
)
@same_for_newcomers
@reads_replica
def get_product(product_id: int) -> Product:
    """Get a product that is on sale."""
    detail = products.get_full_product(product_id, reviews=REVIEWS_IN_DETAIL)
    return present.product(detail, present.avatars(detail.reviews))


@operation(
    "POST /api/products",
    "createProduct",
    tag="catalog",
    access=stock_staff,
    body=ProductInput,
    response=Product,
    errors=(409,),
)
def create_product(body: ProductInput) -> Product:
    """Create a product and put it on sale (staff)."""
    price = Money.of(body.price, current_app.config["CURRENCY"])
    new = NewProduct(
        sku=Sku(body.sku),
        name=body.name,
        brand=body.brand,
        description=body.description or "",
        categories=(),
        variants=(NewVariant(Sku(body.sku), "", price, body.stock),),
        published_on=today(),
        specs=tuple((body.specifications or {}).items()),
    )
    product_id = products.add_product(new, body.category_ids or (), actor=web_session.current_actor())
    return present.product(products.get_full_product(product_id, reviews=0), {})


@operation(
    "POST /api/products/batch",
    "batchProducts",
    tag="catalog",
    access=public,
    scope=Scope.READ_CATALOG,
    body=ProductIds,
    response=list[ProductSummary],
)
@operation(
    "POST /products/batch",
    "batchProductsAlias",
    tag="catalog",
    access=public,
    scope=Scope.READ_CATALOG,
    body=ProductIds,
    response=list[ProductSummary],
)
def batch_products(body: list[int]) -> list[ProductSummary]:
    """Get several products by id.

    Unknown ids are left out; the order is that of the request.
    """
    return [present.summary(card) for card in listing.cards_of(body)]


@operation(
    "GET /api/products/{productId}/check-stock",
    "checkStock",
    tag="catalog",
    access=public,
    scope=Scope.READ_STOCK,
    query=Quantity,
    response=bool,
)
def check_stock(product_id: int, query: Quantity) -> bool:
    """Check whether a quantity of a product is available; false for an unknown product, too."""
    return products.units_available(product_id) >= query.quantity


@operation(
    "PUT /api/products/{productId}/reduce-stock",
    "reduceStock",
    tag="catalog",
    access=stock_staff,
    scope=Scope.CHANGE_STOCK,
    query=Quantity,
    response=StockReduced,
    errors=(404, 409),
)
@operation(
    "PUT /products/{productId}/reduce-stock",
    "reduceStockAlias",
    tag="catalog",
    access=stock_staff,
    scope=Scope.CHANGE_STOCK,
    query=Quantity,
    response=StockReduced,
    errors=(404, 409),
)
def reduce_stock(product_id: int, query: Quantity) -> StockReduced:
    """Remove units from stock (staff, and programs).

    Repeated with the same `Idempotency-Key` header, it removes nothing more.
    """
    inventory.decrement(
        product_id, query.quantity, reason="api", reference=_ledger_reference(), actor=web_session.current_actor()
    )
    return "Stock reduced successfully"


def _ledger_reference() -> str:
    """Return the idempotency key of the stock ledger: the caller's, hashed with who calls, or else a random one."""
    key = idempotency_key()
    if not key:
        return str(uuid.uuid4())
    program = current_api_key()
    return hashlib.sha256(f"{program.id if program else caller().id}:{key}".encode()).hexdigest()
