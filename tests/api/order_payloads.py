"""Order requests of the legacy client, and signed-in API clients."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from flask import Flask

from storefront.accounts import service as accounts
from storefront.accounts.values import Account, SavedAddress
from storefront.catalog.values import ProductCard
from storefront.checkout.models import Checkout
from storefront.core.addresses import PostalAddress
from storefront.db.session import db, read_session
from storefront.orders.models import Order
from storefront.payments.models import Payment
from tests.api.client import Api
from tests.factories.accounts import make_account

Body = dict[str, Any]

CARD = "4242 4242 4242 4242"
BLANK_CARD: Body = {
    "id": 1,
    "type": "card",
    "cardNumber": "",
    "cardHolder": "",
    "expiryMonth": 0,
    "expiryYear": 0,
    "isDefault": False,
}
ADDRESS: Body = {
    "id": 11,
    "fullName": "Asha Rao",
    "phone": "+91 98765 43210",
    "addressLine1": "12 Lake Road",
    "addressLine2": "",
    "city": "Pune",
    "state": "Maharashtra",
    "zipCode": "411001",
    "country": "India",
    "isDefault": True,
}


def prices(*lines: tuple[float, int]) -> Body:
    """Calculate the amounts of an order as the client does: with doubles, rounded as in JavaScript.

    :param lines: price and quantity
    """
    subtotal = sum(price * units for price, units in lines)
    shipping = 0 if subtotal > 50_000 else 500
    tax = round(subtotal * 0.18 * 100) / 100
    total = round((subtotal + shipping + tax) * 100) / 100
    return {"subtotal": subtotal, "shipping": shipping, "tax": tax, "discount": 0, "total": total}


def order_body(*goods: tuple[ProductCard, int], **changed: Any) -> Body:
    """The request body of the button "Place Order".

    :param goods: product and quantity of each item
    :param changed: members to replace
    """
    lines = [(float(product.price.amount), units) for product, units in goods]
    items = [
        {
            "productId": product.id,
            "productName": product.name,
            "productImage": "",
            "quantity": units,
            "price": price,
            "total": price * units,
        }
        for (product, units), (price, _) in zip(goods, lines, strict=True)
    ]
    return {
        "id": "ORD-1705314600123",
        "date": "2024-01-15T10:30:00.123Z",
        "status": "pending",
        "items": items,
        **prices(*lines),
        "shippingAddress": ADDRESS,
        "paymentMethod": {"id": 3, "type": "cod", "cardNumber": "", "cardHolder": "", "isDefault": False},
        "trackingNumber": "",
        "estimatedDelivery": "2024-01-22",
        **changed,
    }


def signed_in(app: Flask, account: Account | None = None) -> tuple[Api, Account]:
    """An API client with a customer's session cookie, as the legacy client has it, and the account."""
    account = account or make_account()
    return Api(app).with_cookie(account), account


def save_address(account: Account, **changed: str) -> SavedAddress:
    """Add an address to an account's address book."""
    parts = {
        "full_name": "Asha Rao",
        "phone": "+91 98765 43210",
        "line1": "12 Lake Road",
        "line2": "",
        "city": "Pune",
        "state": "Maharashtra",
        "postal_code": "411001",
        "country": "India",
    }
    return accounts.add_address(account.id, PostalAddress(**parts | changed))


def written() -> Mapping[str, int]:
    """Number of orders, payments and checkouts in the database, by table."""
    db.session.rollback()
    return {table.__tablename__: read_session().query(table).count() for table in (Order, Payment, Checkout)}
