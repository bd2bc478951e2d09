"""What is kept beside products because pages read it: lowest prices, titles, the browse index, words to be found by.

Whoever changes a product calls these at the end of the same transaction.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection
from typing import Any

from sqlalchemy import and_, case, delete, func, insert, or_, select, update
from sqlalchemy.orm import Session

from storefront.catalog.availability import announce_returns
from storefront.catalog.levels import settle
from storefront.catalog.models import ALL_CATEGORIES, BrowseEntry, Category, Product, ProductCategory, Variant
from storefront.catalog.search import SearchText, index_products


def take(session: Session, product_ids: Collection[int]) -> None:
    """Take the rows of products and their variants, in the order that everybody takes them in."""
    variants = select(Variant.id).where(Variant.product_id.in_(product_ids)).order_by(Variant.id)
    session.execute(variants.with_for_update())
    products = select(Product.id).where(Product.id.in_(product_ids)).order_by(Product.id)
    session.execute(products.with_for_update())


def derive(session: Session, product_ids: Collection[int]) -> None:
    """Put right what follows from products and variants as they stand now; their words and units apart."""
    session.flush()
    columns = (Variant.id, Variant.product_id, Variant.price, Variant.was)
    order = (Variant.is_withdrawn, Variant.price, Variant.sort_order, Variant.id)
    cheapest: dict[int, tuple[int, int | None]] = {}
    for row in session.execute(select(*columns).where(Variant.product_id.in_(product_ids)).order_by(*order)):
        cheapest.setdefault(row.product_id, (row.price, row.was))
    for product_id, (price, was) in cheapest.items():
        lowest = update(Product).where(Product.id == product_id).values(price=price, was=was)
        session.execute(lowest)
    _derive_variants(session, product_ids)
    _derive_listings(session, product_ids)


def _derive_variants(session: Session, product_ids: Collection[int]) -> None:
    """Titles, and whether each is sold; what comes on sale counts as known if it is low, and as back if it is there."""
    product = select(Product.name).where(Product.id == Variant.product_id).scalar_subquery()
    active = select(Product.active).where(Product.id == Variant.product_id).scalar_subquery()
    mine = Variant.product_id.in_(product_ids)
    title = case((Variant.name == "", product), else_=product + ", " + Variant.name)
    shown = and_(active, Variant.is_withdrawn.is_(False))
    units = select(Variant.id, Variant.on_hand - Variant.reserved).where(mine, Variant.is_sold.is_(False), shown)
    appeared: dict[int, int] = dict(session.execute(units).all())
    kept = update(Variant).where(mine).values(title=title, is_sold=case((shown, True), else_=False))
    session.execute(kept)
    if appeared:
        settle(session, list(appeared))
        announce_returns(session, {variant: left for variant, left in appeared.items() if left > 0})


def _derive_listings(session: Session, product_ids: Collection[int]) -> None:
    """The rows of the browse index: one for each category of a published product and one for the whole shop."""
    facts = select(
        Product.id,
        Product.active,
        Product.brand,
        Product.price,
        Product.average_rating,
        Product.popularity,
        Product.stock,
    ).where(Product.id.in_(product_ids))
    wanted: dict[int, set[int]] = defaultdict(set)
    places_of = select(ProductCategory.product_id, ProductCategory.category_id)
    for product_id, category_id in session.execute(places_of.where(ProductCategory.product_id.in_(product_ids))):
        wanted[product_id].add(category_id)
    listed: dict[int, set[int]] = defaultdict(set)
    there = select(BrowseEntry.product_id, BrowseEntry.category_id).where(BrowseEntry.product_id.in_(product_ids))
    for product_id, category_id in session.execute(there):
        listed[product_id].add(category_id)
    for row in session.execute(facts.order_by(Product.id)).all():
        places = {*wanted[row.id], ALL_CATEGORIES} if row.active else set()
        values = {
            "brand": row.brand,
            "price": row.price,
            "rating": row.average_rating,
            "popularity": row.popularity,
            "in_stock": row.stock > 0,
        }
        if gone := listed[row.id] - places:
            old = and_(BrowseEntry.product_id == row.id, BrowseEntry.category_id.in_(gone))
            session.execute(delete(BrowseEntry).where(old))
        if places & listed[row.id]:
            kept = update(BrowseEntry).where(BrowseEntry.product_id == row.id).values(**values)
            session.execute(kept)
        if new := sorted(places - listed[row.id]):
            session.execute(
                insert(BrowseEntry), [{"product_id": row.id, "category_id": category, **values} for category in new]
            )


def count_stock(session: Session, product_id: int) -> None:
    """Set a product's units to what its variants have; their rows must be the transaction's own."""
    units = (
        select(func.coalesce(func.sum(Variant.on_hand - Variant.reserved), 0))
        .where(Variant.product_id == product_id, Variant.is_withdrawn.is_(False))
        .scalar_subquery()
    )
    counted = update(Product).where(Product.id == product_id).values(stock=units)
    session.execute(counted)


def reindex(session: Session, product_ids: Collection[int]) -> None:
    """Make products findable by the words they have now."""
    session.flush()
    codes: dict[int, set[str]] = defaultdict(set)
    for product_id, *given in session.execute(
        select(Variant.product_id, Variant.sku, Variant.barcode).where(Variant.product_id.in_(product_ids))
    ):
        codes[product_id].update(code for code in given if code)
    names: dict[int, list[str]] = defaultdict(list)
    for product_id, name in session.execute(
        select(ProductCategory.product_id, Category.name)
        .join(Category, Category.id == ProductCategory.category_id)
        .where(ProductCategory.product_id.in_(product_ids))
        .order_by(ProductCategory.product_id, Category.sort_order)
    ):
        names[product_id].append(name)
    facts = select(Product.id, Product.sku, Product.name, Product.brand, Product.description)
    rows = session.execute(facts.where(Product.id.in_(product_ids)).order_by(Product.id)).all()
    texts = [
        search_text(row.id, row.name, row.brand, row.description, {row.sku, *codes[row.id]}, names[row.id])
        for row in rows
    ]
    if texts:
        index_products(session, texts)


def search_text(
    product_id: int, name: str, brand: str, description: str, codes: Collection[str], categories: Collection[str]
) -> SearchText:
    """What a product is found by: its name and brand before all else."""
    words = [name, brand, *sorted(codes), *categories, description]
    return SearchText(product_id, f"{name} {brand}", " ".join(words))


def next_products(session: Session, category_id: int, after: int, count: int) -> list[int]:
    """The next products of a category, by id. :param after: the last one done"""
    page = select(ProductCategory.product_id).where(
        ProductCategory.category_id == category_id, ProductCategory.product_id > after
    )
    return list(session.scalars(page.order_by(ProductCategory.product_id).limit(count)))


def is_lowest_wrong() -> Any:
    """True of a product whose price or old price is not that of its cheapest variant on sale."""
    on_sale = and_(Variant.product_id == Product.id, Variant.is_withdrawn.is_(False))
    order = (Variant.price, Variant.sort_order, Variant.id)
    price = select(Variant.price).where(on_sale).order_by(*order).limit(1).correlate(Product).scalar_subquery()
    was = select(Variant.was).where(on_sale).order_by(*order).limit(1).correlate(Product).scalar_subquery()
    return or_(Product.price.is_distinct_from(price), Product.was.is_distinct_from(was))
