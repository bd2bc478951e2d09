"""Who is asking. A guest is known by what their signed session cookie holds."""

from __future__ import annotations

import secrets

from flask import session

CART = "cart"
CHECKOUT = "checkout"
ORDERS = "orders"
SEEN = "seen"

ORDERS_REMEMBERED = 20
SEEN_REMEMBERED = 8


def cart_token() -> str | None:
    """The token of the visitor's cart; None until something was put in it."""
    return session.get(CART)


def cart_token_for_writing() -> str:
    """The token of the visitor's cart, made now if there is none (128 random bits)."""
    if CART not in session:
        session.permanent = True
        session[CART] = secrets.token_urlsafe(16)
    token: str = session[CART]
    return token


def checkout_id() -> str | None:
    """The checkout the visitor is going through."""
    return session.get(CHECKOUT)


def remember_checkout(checkout: str | None) -> None:
    """Keep, or with None forget, the checkout the visitor is going through."""
    if checkout is None:
        session.pop(CHECKOUT, None)
    else:
        session[CHECKOUT] = checkout


def order_ids() -> list[str]:
    """Orders this browser placed, or proved to know, newest first."""
    return list(session.get(ORDERS, []))


def remember_order(order: str) -> None:
    """Let this browser see an order from now on."""
    session.permanent = True
    session[ORDERS] = [order, *(known for known in order_ids() if known != order)][:ORDERS_REMEMBERED]


def seen_products() -> list[int]:
    """Ids of the products looked at last, newest first."""
    return list(session.get(SEEN, []))


def remember_product(product: int) -> None:
    """Note that a product was looked at."""
    seen = [product, *(known for known in seen_products() if known != product)][:SEEN_REMEMBERED]
    if seen != seen_products():
        session[SEEN] = seen
