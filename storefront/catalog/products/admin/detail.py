"""Reads a complete product for staff, published or not, by a fixed number of selects."""

from __future__ import annotations

from sqlalchemy import ColumnElement, Select, exists, or_, select

from storefront.catalog.models import Product, ProductCategory, Spec, StockMovement, StockReservation, Variant
from storefront.catalog.products.admin.values import ProductRecord, ScheduledPrice, VariantRecord
from storefront.catalog.products.models import PriceChange, PriceState
from storefront.catalog.values import UnknownProduct
from storefront.core.money import Money
from storefront.db.session import read_session

OPEN = (PriceState.SCHEDULED, PriceState.RUNNING)


def get_product_record(product_id: int) -> ProductRecord:
    """Return everything that staff can edit of a product.

    :raise UnknownProduct: no product has this id
    """
    columns = (
        Product.id,
        Product.sku,
        Product.version,
        Product.name,
        Product.slug,
        Product.brand,
        Product.description,
        Product.option_name,
        Product.currency,
        Product.stock,
        Product.active,
        Product.main_category_id,
    )
    row = read_session().execute(select(*columns).where(Product.id == product_id)).one_or_none()
    if row is None:
        raise UnknownProduct(product_id)
    specs = select(Spec.name, Spec.value).where(Spec.product_id == product_id).order_by(Spec.sort_order, Spec.id)
    categories = select(ProductCategory.category_id).where(ProductCategory.product_id == product_id)
    main = row.main_category_id
    others = sorted(set(read_session().scalars(categories)) - {main})
    return ProductRecord(
        id=row.id,
        sku=row.sku,
        version=row.version,
        name=row.name,
        slug=row.slug,
        brand=row.brand,
        description=row.description,
        option_name=row.option_name,
        currency=row.currency,
        stock=row.stock,
        is_published=row.active,
        categories=(main, *others),
        specs=tuple((spec.name, spec.value) for spec in read_session().execute(specs)),
        variants=_variants(product_id, row.currency),
        planned=scheduled_prices_of(Variant.product_id == product_id, row.currency),
    )


def _variants(product_id: int, currency: str) -> tuple[VariantRecord, ...]:
    is_used = or_(
        *(exists().where(table.variant_id == Variant.id) for table in (StockMovement, StockReservation, PriceChange))
    )
    columns: Select[*tuple[object, ...]] = select(
        Variant.id,
        Variant.sku,
        Variant.name,
        Variant.price,
        Variant.compare_at_price,
        Variant.barcode,
        Variant.is_withdrawn,
        Variant.on_hand,
        Variant.available,
        is_used.label("is_used"),
    )
    variants = columns.where(Variant.product_id == product_id).order_by(Variant.sort_order, Variant.id)
    return tuple(
        VariantRecord(
            id=row.id,
            sku=row.sku,
            option=row.name,
            price=Money(row.price, currency),
            compare_at_price=None if row.compare_at_price is None else Money(row.compare_at_price, currency),
            barcode=row.barcode,
            is_withdrawn=row.is_withdrawn,
            on_hand=row.on_hand,
            available=row.available,
            can_be_deleted=not row.is_used,
        )
        for row in read_session().execute(variants)
    )


def scheduled_prices_of(which: ColumnElement[bool], currency: str) -> tuple[ScheduledPrice, ...]:
    """List scheduled and running prices by start.

    :param which: a condition on `Variant`
    """
    chosen = (
        select(PriceChange, Variant.sku)
        .join(Variant, Variant.id == PriceChange.variant_id)
        .where(which, PriceChange.state.in_(OPEN))
        .order_by(PriceChange.starts_at, PriceChange.id)
    )
    return tuple(
        ScheduledPrice(
            id=row.id,
            variant_id=row.variant_id,
            sku=sku,
            price=Money(row.price, currency),
            compare_at_price=None if row.compare_at_price is None else Money(row.compare_at_price, currency),
            starts_at=row.starts_at,
            ends_at=row.ends_at,
            state=PriceState(row.state),
            created_by=row.created_by,
        )
        for row, sku in read_session().execute(chosen)
    )
