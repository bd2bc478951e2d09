"""B4: a cookie copied before its owner signed out, or anything like it, is nobody's at every route."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import pytest
from flask import Flask, session
from sqlalchemy import func, select

from storefront.accounts import one_time_codes
from storefront.accounts import service as accounts
from storefront.accounts.models import GuestSession
from storefront.accounts.values import Account, Purpose
from storefront.db.session import read_session
from storefront.orders import service as orders
from storefront.web import session as web_session
from storefront.web import visitor_cookie
from tests import access_matrix
from tests.access_matrix import PUBLIC
from tests.accounts.sign_ups import PASSWORD
from tests.factories.accounts import make_account
from tests.factories.catalog import make_product
from tests.factories.shopping import buy, make_cart, make_order
from tests.fakes import Clock
from tests.page_client import Pages
from tests.page_openers import remember
from tests.routes import ROUTES
from tests.world import make_world

NEW_PASSWORD = "a lawn under the teapot"


def cookie_of(pages: Pages) -> str:
    cookie = pages.client.get_cookie(pages.app.config["SESSION_COOKIE_NAME"])
    assert cookie is not None
    return cookie.value


def with_cookie(app: Flask, value: str) -> Pages:
    """A browser that shows a copied cookie."""
    thief = Pages(app)
    thief.client.set_cookie(app.config["SESSION_COOKIE_NAME"], value)
    return thief


def reset_code(account: Account) -> str:
    sent = one_time_codes.find_last(Purpose.RESET, str(account.email))
    assert sent is not None
    return sent.digits


def sign_in(pages: Pages, account: Account, password: str = PASSWORD) -> None:
    form = pages.get("/login")
    pages.submit(form, "form.sign-in__form", identifier=str(account.email), password=password)


def sign_out(pages: Pages, account: Account) -> None:
    pages.submit(pages.get("/account/profile"), "form[action='/logout']")


def change_password(pages: Pages, account: Account) -> None:
    form = pages.get("/account/security/password")
    pages.submit(form, "form.sign-in__form", old=PASSWORD, new=NEW_PASSWORD)


def reset_password(pages: Pages, account: Account) -> None:
    accounts.request_reset(str(account.email))
    accounts.reset_password(str(account.email), reset_code(account), NEW_PASSWORD)


def sign_out_elsewhere(pages: Pages, account: Account) -> None:
    pages.submit(pages.get("/account/security"), "form[action$='/sessions/end']")


def be_signed_out_by_staff(pages: Pages, account: Account) -> None:
    accounts.sign_out_everywhere(account.id, actor="a test", may_be_staff=False)


EVENTS = (sign_out, change_password, reset_password, sign_out_elsewhere, be_signed_out_by_staff)
Event = Callable[[Pages, Account], None]


@pytest.fixture
def world(app: Flask) -> Mapping[str, Any]:
    return make_world(app, make_account(email="owner@example.com"))


@pytest.fixture
def browser(app: Flask, world: Mapping[str, Any]) -> Pages:
    """A browser in which a guest ordered, who then signed in and went to the checkout."""
    pages = Pages(app)
    buy(pages, make_product())
    sign_in(pages, world["accounts"]["owner"])
    remember(pages, **{web_session.CHECKOUT: world["draft"]})
    access_matrix.prepare_forms(pages)
    return pages


@pytest.mark.parametrize("event", EVENTS)
def test_a_copied_cookie_is_nobodys_at_every_route(
    app: Flask, world: Mapping[str, Any], browser: Pages, event: Event
) -> None:
    """B4: orders are not opened, printed or cancelled with it, neither the account's nor the guest's."""
    with browser.client.session_transaction() as entries:
        (guests_order,) = entries[web_session.ORDERS]
    copy, account = cookie_of(browser), world["accounts"]["owner"]
    assert with_cookie(app, copy).get(f"/orders/{guests_order}").url == f"/orders/{guests_order}"
    event(browser, account)
    walked = {name: one for name, one in ROUTES.items() if event is sign_out or one.rule is not PUBLIC}
    if event in {sign_out, change_password, sign_out_elsewhere}:
        assert list(access_matrix.violations_of_cookie(app, walked, world, copy)) == []
    of_order = {name: route for name, route in ROUTES.items() if "{order}" in route.path}
    assert list(access_matrix.violations_of_cookie(app, of_order, {**world, "order": guests_order}, copy)) == []
    shown = with_cookie(app, copy).get("/orders")
    assert guests_order not in shown.words
    assert world["order"] not in shown.words


@pytest.mark.parametrize("event", [change_password, sign_out_elsewhere])
def test_the_browser_itself_stays_signed_in(app: Flask, world: Mapping[str, Any], browser: Pages, event: Event) -> None:
    event(browser, world["accounts"]["owner"])
    assert browser.get("/account/security").url == "/account/security"
    assert world["order"] in browser.get("/orders").words


def test_a_guests_cookie_is_nobodys_after_signing_in_or_out(app: Flask) -> None:
    """B4: a copy opens neither the order nor, by its cart, the checkout that led to it."""
    account = make_account()
    for end in (lambda pages: sign_in(pages, account), sign_out_as_guest):
        pages = Pages(app)
        before = pages.get("/cart")
        assert before.status == 200
        order = buy(pages, make_product()).one(".order-number").get_text()
        copy = cookie_of(pages)
        assert with_cookie(app, copy).get(f"/orders/{order}").url == f"/orders/{order}"
        end(pages)
        thief = with_cookie(app, copy)
        assert thief.get(f"/orders/{order}").url.startswith("/track")
        assert order not in thief.get("/orders").words
        checkout = orders.get_order(order).checkout_id
        assert order not in thief.get(f"/checkout/placing/{checkout}").words  # A7: what came of it, and no more


def sign_out_as_guest(pages: Pages) -> None:
    cleared = pages.submit(pages.get("/orders"), "main form[action='/logout']")
    assert "Your orders and cart are cleared from this device." in cleared.words
    assert "There are no orders in this browser" in pages.get("/orders").words


def test_an_accounts_order_is_the_accounts_alone(app: Flask, pages: Pages) -> None:
    """B4: its number and e-mail address lead to the sign-in, and somebody else learns nothing."""
    owner = make_account()
    buyer = Pages(app)
    buyer.sign_in(owner)
    order = buy(buyer, make_product()).one(".order-number").get_text()
    email = orders.get_order(order).email
    asked = pages.submit(pages.get("/track"), "main form", order_id=order, email=email)
    assert asked.url == f"/login?next=/orders/{order}"
    assert "This order was placed with an account" in asked.words
    assert pages.get(f"/orders/{order}").url.startswith("/track")
    pages.sign_in(make_account())
    other = pages.submit(pages.get("/track"), "main form", order_id=order, email=email, status=422)
    assert "No order matches" in other.words
    pages.sign_in(owner)
    assert pages.submit(pages.get("/track"), "main form", order_id=order, email=email).url == f"/orders/{order}"


@pytest.mark.parametrize("event", [reset_password, be_signed_out_by_staff])
def test_a_sign_in_that_waits_for_its_code_ends_too(app: Flask, event: Event) -> None:
    """B4: who knew the old password is not let in by the code alone."""
    account, pages = make_account(mfa=True), Pages(app)
    sign_in(pages, account)
    assert pages.get("/login/code").url == "/login/code"
    event(pages, account)
    assert pages.get("/login/code").url == "/login"


def test_a_reset_leaves_nothing_in_copies_of_its_cookie(app: Flask) -> None:
    """B4: the address whose password was reset is not shown to who copied the cookie."""
    account, pages = make_account(), Pages(app)
    pages.submit(pages.get("/password/forgotten"), "form.sign-in__form", identifier=str(account.email))
    copy = cookie_of(pages)
    assert str(account.email) in with_cookie(app, copy).get("/password/code").words
    form = pages.get("/password/code")
    pages.submit(form, "form.sign-in__form", code=reset_code(account), password=NEW_PASSWORD)
    assert with_cookie(app, copy).get("/password/code").url == "/password/forgotten"


def test_orders_in_a_cookie_without_a_record_count_nothing(app: Flask, pages: Pages) -> None:
    """B4: cookies of older versions keep their cart, and lose what could not be revoked."""
    order = make_order()
    with pages.client.session_transaction() as entries:
        dict.update(entries, {web_session.ORDERS: [order.id], web_session.CART: make_cart((make_product(), 2))})
        entries.modified = True
    assert pages.get(f"/orders/{order.id}").url.startswith("/track")
    assert pages.get("/cart").one("#cart-badge").get_text().split() == ["Cart", "2"]


def test_an_entry_with_a_new_name_needs_a_record(app: Flask) -> None:
    """B4: nobody has to remember it."""
    with app.test_request_context():
        session["something new"] = "x"
        assert accounts.is_guest_session(session[visitor_cookie.GUEST])
        accounts.end_guest_session(session[visitor_cookie.GUEST])
        later = visitor_cookie.VisitorSession(dict(session))
        assert later.get("something new") is None


def test_records_are_forgotten(app: Flask, now: Clock) -> None:
    used, unused = accounts.open_guest_session(), accounts.open_guest_session()
    for _ in range(2):
        now.advance(days=31)
        assert accounts.is_guest_session(used)
    assert not accounts.is_guest_session(unused)
    accounts.forget_guest_sessions()
    assert read_session().scalar(select(func.count()).select_from(GuestSession)) == 1
