"""Everything of one customer that a route can refer to; the paths of `tests.routes` name it."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlsplit

from flask import Flask
from sqlalchemy import select

from storefront.accounts import service as accounts
from storefront.accounts.models import StockNotice
from storefront.accounts.values import Account, UserId
from storefront.cart import service as cart
from storefront.catalog import reviews
from storefront.catalog.reviews import Author, ReviewDraft
from storefront.catalog.values import Sku
from storefront.db.session import read_session
from storefront.orders import service as orders
from storefront.web.assets import stylesheet_url
from tests import access_matrix
from tests.factories.accounts import make_account, make_staff
from tests.factories.catalog import make_product, rupees
from tests.factories.refunds import refund
from tests.factories.shopping import ADDRESS, make_draft, place
from tests.factories.webhooks import make_delivery, make_endpoint


def make_world(app: Flask, owner: Account) -> dict[str, Any]:
    """Make an order, a cart, a wishlist and so on of an account."""
    who = cart.cart_key_of(owner.id)
    mug, wishlisted = make_product(stock=20), make_product(stock=20)
    cart.add_line(who, mug.sku, 1)
    order = place(make_draft(who), who).order_id
    cart.add_line(who, mug.sku, 1)
    with app.test_request_context():
        pending = place(make_draft(who, payment="sandbox-confirm"), who)
    draft = make_draft(who)
    reference = accounts.open_session(owner.id, "elsewhere")
    accounts.add_wishlist_item(owner.id, wishlisted.id)
    with app.test_request_context():
        stylesheet = stylesheet_url()
    webhook = make_endpoint().endpoint_id
    assert order is not None
    refund(orders.get_order(order), amount=rupees(1))
    return {
        "accounts": {
            "other": make_account(),
            "owner": owner,
            **{str(role): make_staff(role) for role in access_matrix.STAFF},
        },
        "owner": owner.id,
        "sku": mug.sku,
        "product": mug.id,
        "page": f"/product/{mug.id}-{mug.slug}",
        "wishlisted": wishlisted.id,
        "line": cart.quote(who).lines[0].id,
        "order": order,
        "checkout": pending.id,
        "bank": urlsplit(pending.action_url or "").path,
        "draft": draft.id,
        "address": accounts.add_address(owner.id, ADDRESS).id,
        "method": accounts.add_method(owner.id, "COD", "cod").id,
        "review": reviews.write_review(
            mug.id, Author(owner.id, "Asha"), ReviewDraft(5, "Good", "Holds tea."), is_verified=False
        ).id,
        "share": accounts.share_wishlist(owner.id),
        "notice": notice_of(owner.id, mug.sku, mug.id),
        "stylesheet": stylesheet,
        "webhook": webhook,
        "delivery": make_delivery(webhook).id,
        "session": accounts.sessions_of(owner.id, reference)[0].id,
    }


def notice_of(user: UserId, sku: Sku, product: int) -> str:
    accounts.request_alert("asha@example.com", sku, product, user=user)
    return read_session().scalars(select(StockNotice.token)).one()
