"""Openers: each one prepares what a page needs (rows, session, sign-in) and returns the page's URL."""

from __future__ import annotations

from collections.abc import Callable

from sqlalchemy import select

from storefront.accounts import service as accounts
from storefront.accounts.models import StockNotice
from storefront.accounts.service import WishlistToken
from storefront.accounts.values import Role
from storefront.catalog import inventory, products
from storefront.core.addresses import PostalAddress
from storefront.db.session import read_session
from storefront.messaging import mail
from storefront.orders.values import OrderStatus
from storefront.pages.sign_in import views as accounts_views
from storefront.web import session as web_session
from storefront.web import visitor_cookie
from tests.factories.accounts import make_account, make_staff
from tests.factories.catalog import make_product
from tests.factories.refunds import ask_return, make_order_at, refund
from tests.factories.shopping import make_cart, make_draft, make_order, place
from tests.factories.webhooks import make_delivery, make_endpoint
from tests.page_client import Pages

Opener = Callable[[Pages], str]


def plain(url: str) -> Opener:
    """Opener of a page that needs no preparation."""
    return lambda pages: url


def remember(pages: Pages, **facts: object) -> None:
    """Put entries into the browser's session, with a guest's record behind them unless an account is signed in."""
    with pages.client.session_transaction() as session:
        if visitor_cookie.ACCOUNT not in session and visitor_cookie.GUEST not in session:
            session[visitor_cookie.GUEST] = accounts.open_guest_session()
        session.update(facts)


def order_page(pages: Pages, *, is_refunded: bool = False) -> str:
    order = make_order()
    if is_refunded:
        refund(order, 1)
    remember(pages, **{web_session.ORDERS: [order.id]})
    return f"/orders/{order.id}"


def return_page(pages: Pages) -> str:
    order = make_order_at(OrderStatus.DELIVERED)
    remember(pages, **{web_session.ORDERS: [order.id]})
    return f"/orders/{order.id}/return"


def returns_admin(pages: Pages) -> str:
    ask_return(make_order_at(OrderStatus.DELIVERED))
    pages.sign_in(make_staff(Role.ORDER_STAFF))
    return "/staff/returns"


def at_checkout(step: str) -> Opener:
    def go(pages: Pages) -> str:
        token = make_cart((make_product(), 1))
        remember(pages, **{web_session.CART: token, web_session.CHECKOUT: make_draft(token).id})
        return f"/checkout/{step}"

    return go


def unconfirmed_payment(pages: Pages) -> tuple[str, str]:
    """Place an order whose payment the customer must confirm.

    :return: the page where they wait, and the provider's page where they confirm
    """
    token = make_cart((make_product(), 1))
    draft = make_draft(token, payment="sandbox-confirm")
    with pages.app.test_request_context():
        outcome = place(draft, token)
    remember(pages, **{web_session.CART: token, web_session.CHECKOUT: draft.id})
    return f"/checkout/placing/{draft.id}", outcome.action_url


def email_page(pages: Pages) -> str:
    pages.app.extensions["mailer"].send(
        mail.Email("a-letter@localhost", "a@example.com", "Hello", "Text", "<p>Text</p>")
    )
    return "/dev/mail/a-letter@localhost"


def guest_wishlist(pages: Pages) -> str:
    accounts.add_wishlist_item(WishlistToken("a-guest"), make_product().id)
    remember(pages, **{web_session.WISHLIST: "a-guest"})
    return "/wishlist"


def shared_wishlist(pages: Pages) -> str:
    user = make_account().id
    accounts.add_wishlist_item(user, make_product().id)
    return f"/wishlist/shared/{accounts.share_wishlist(user)}"


def unsubscribe_page(pages: Pages) -> str:
    accounts.request_alert("asha@example.com", "SKU-SOLD-OUT", 1)
    return f"/wishlist/notices/{read_session().scalars(select(StockNotice.token)).one()}"


def signed_in(url: str, **facts: object) -> Opener:
    def go(pages: Pages) -> str:
        pages.sign_in(make_account())
        remember(pages, **facts)
        return url

    return go


def own_address(pages: Pages) -> str:
    account = make_account()
    pages.sign_in(account)
    where = PostalAddress("Asha Rao", "+91 98765 43210", "12 Lake Road", "", "Pune", "MH", "411001", "India")
    return f"/account/addresses/{accounts.add_address(account.id, where).id}"


def awaiting_second_factor(pages: Pages) -> str:
    remember(pages, **{accounts_views.SECOND_FACTOR: accounts.open_pending_sign_in(make_account(mfa=True).id)})
    return "/login/code"


def registering(pages: Pages) -> str:
    remember(pages, **{accounts_views.REGISTERING: {"key": "asha@example.com", "ticket": "a-ticket"}})
    return "/register/code"


def resetting(pages: Pages) -> str:
    remember(pages, **{web_session.PASSWORD_RESET: "asha@example.com"})
    return "/password/code"


def as_staff(url: str, role: Role = Role.STOCK_STAFF) -> Opener:
    def go(pages: Pages) -> str:
        pages.sign_in(make_staff(role))
        return url

    return go


def failed_jobs(pages: Pages) -> str:
    unconfirmed_payment(pages)
    pages.sign_in(make_staff(Role.ORDER_STAFF))
    return "/staff/failed-jobs"


def customer_admin(url: str) -> Opener:
    def go(pages: Pages) -> str:
        customer = make_account()
        accounts.open_session(customer.id, "Firefox")
        pages.sign_in(make_staff(Role.ORDER_STAFF))
        return url.format(id=customer.id, email=customer.email)

    return go


def guest_admin(pages: Pages) -> str:
    order = make_order()
    pages.sign_in(make_staff(Role.ORDER_STAFF))
    return f"/staff/customers/guest?email={order.email}"


def order_admin(url: str, *, is_refunded: bool = False) -> Opener:
    def go(pages: Pages) -> str:
        pages.sign_in(make_staff(Role.ORDER_STAFF))
        order = make_order()
        if is_refunded:
            refund(order, 1)
        return url.format(order=order.id)

    return go


def product_admin(url: str) -> Opener:
    def go(pages: Pages) -> str:
        pages.sign_in(make_staff(Role.STOCK_STAFF))
        product = make_product(options=(("S", 1), ("M", 2)))
        category = products.admin.list_categories()[0].id
        return url.format(product=product.id, category=category)

    return go


def webhook_admin(url: str) -> Opener:
    def go(pages: Pages) -> str:
        pages.sign_in(make_staff(Role.ADMIN))
        webhook = make_endpoint().endpoint_id
        return url.format(webhook=webhook, delivery=make_delivery(webhook).id)

    return go


def stock_import(pages: Pages) -> str:
    pages.sign_in(make_staff(Role.STOCK_STAFF))
    content = f"sku,count\n{make_product(stock=3).sku},5\nNO-SUCH,1\n".encode()
    return f"/staff/stock/imports/{inventory.admin.check_file(content, file_name='stock.csv', actor='tests')}"
