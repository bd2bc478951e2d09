"""Converts the items of old orders: what cannot be read of one item never costs the order."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from storefront.catalog import service as catalog
from storefront.catalog.values import Offer
from storefront.core.money import Money
from storefront.legacy_import.source import Row
from storefront.legacy_import.values import Notes, UnusableValue, amount, shortened, text, whole
from storefront.orders.values import LineItem

DEFAULT_HUE = 255
MAX_UNITS = 1_000_000
NO_PRODUCT = 0  # product id of an item that names none


def items_of(rows: Sequence[Row], offers: Mapping[int, Sequence[Offer]], currency: str, notes: Notes) -> list[LineItem]:
    """Convert the items of an order.

    An item without a quantity counts as one unit for its total; without a total, too, it is left out, unless the order
    would be left without items: then each counts as one unit.

    :param offers: by product id
    :raise UnusableValue: the order has no items
    """
    counted = [(row, *_units(row, currency, notes)) for row in rows]
    usable = [(row, units, price) for row, units, price in counted if units]
    if len(usable) < len(counted) and usable:
        notes.append("an item of it has no quantity: left out")
    elif counted and not usable:
        notes.append("its items have no quantity: counted as one unit each")
        usable = [(row, 1, price) for row, _, price in counted]
    if not usable:
        raise UnusableValue("it has no items")
    return [_item(row, units, price, offers, notes) for row, units, price in usable]


def _units(row: Row, currency: str, notes: Notes) -> tuple[int, Money]:
    """Quantity and unit price of an item; quantity 0 when neither it nor a total is known."""
    quantity, price = whole(row["quantity"]), _amount(row, "price", "the price of an item", currency, notes)
    if quantity is not None and 1 <= quantity <= MAX_UNITS:
        return quantity, price
    total = _amount(row, "total", "the total of an item", currency, notes) if text(row.get("total")) else None
    if not total:
        return 0, price
    notes.append(f"the quantity of an item is {text(row['quantity'])[:20] or 'missing'}: one unit for its total")
    return 1, total


def _amount(row: Row, column: str, name: str, currency: str, notes: Notes) -> Money:
    try:
        return amount(row[column], name, currency, notes)
    except UnusableValue:
        notes.append(f"{name} is no amount, negative or too large: taken as 0")
        return Money(0, currency)


def _item(row: Row, quantity: int, price: Money, offers: Mapping[int, Sequence[Offer]], notes: Notes) -> LineItem:
    product = whole(row.get("product_id")) or NO_PRODUCT
    offer = next(iter(offers.get(product, ())), None)
    total = text(row.get("total"))
    if total and _amount(row, "total", "the total of an item", price.currency, notes) != price * quantity:
        notes.append("the total of an item is not price × quantity: recalculated")
    if offer is None:
        notes.append("a product of it was not imported: its item has no link")
    name = shortened(row.get("name"), catalog.legacy_import.MAX_PRODUCT_NAME_LENGTH, "item's name", notes)
    return LineItem(
        product_id=product,
        slug=offer.slug if offer else "product",
        sku=offer.sku if offer else f"OLD-{product}",
        name=name or (offer.name if offer else f"Product {product}"),
        option=offer.option if offer else "",
        picture=offer.picture.source if offer and offer.picture else "",
        hue=offer.hue if offer else DEFAULT_HUE,
        unit_price=price,
        quantity=quantity,
        line_total=price * quantity,
    )
