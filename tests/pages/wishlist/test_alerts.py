"""Back-in-stock alerts: requested on a product page and on the wishlist, unsubscribed by a link."""

from __future__ import annotations

import pytest
import sqlalchemy as sa
from flask import Flask

from storefront.accounts import service as accounts
from storefront.accounts.models import StockNotice
from storefront.accounts.values import Account
from storefront.catalog import inventory
from storefront.catalog.values import Hold, ProductCard
from storefront.db.session import read_session
from tests.factories.accounts import make_account
from tests.factories.catalog import make_product
from tests.factories.stock import receive
from tests.page_client import Page, Pages
from tests.pages.wishlist.toggles import product_url, wish

BOTH_WAYS = pytest.mark.parametrize("htmx", [False, True], ids=["page", "htmx"])
AS_ANYBODY = pytest.mark.parametrize("is_signed_in", [False, True], ids=["guest", "account"])


def alerts() -> list[tuple[str, str, int | None]]:
    read_session().rollback()
    rows = read_session().execute(sa.select(StockNotice.email, StockNotice.variant, StockNotice.user_id))
    return [(row.email, row.variant, row.user_id) for row in rows]


@BOTH_WAYS
def test_a_guest_requests_an_alert_and_repeated_requests_look_the_same(pages: Pages, htmx: bool) -> None:
    mug = make_product(name="Clay Mug", stock=0)
    page = pages.get(product_url(mug))
    answers = [pages.submit(page, "#alert-form", htmx=htmx, email="Asha@example.com") for _ in range(2)]
    for answer in answers:
        assert "We will e-mail you once when Clay Mug is back in stock" in answer.words
    assert alerts() == [("asha@example.com", mug.sku, None)]


@BOTH_WAYS
def test_a_signed_in_visitor_need_not_enter_an_address(pages: Pages, htmx: bool) -> None:
    account = make_account(email="asha@example.com")
    pages.sign_in(account)
    mug = make_product(stock=0)
    page = pages.get(product_url(mug))
    assert not page.all("#alert-email")
    pages.submit(page, "#alert-form", htmx=htmx)
    assert alerts() == [("asha@example.com", mug.sku, account.id)]


def test_an_unverified_address_must_be_entered(pages: Pages) -> None:
    pages.sign_in(make_account(verified=False))
    assert pages.get(product_url(make_product(stock=0))).all("#alert-email")


@BOTH_WAYS
def test_an_invalid_address_is_refused_and_shown_as_typed(pages: Pages, htmx: bool) -> None:
    mug = make_product(stock=0)
    page = pages.get(product_url(mug))
    refused = pages.submit(page, "#alert-form", htmx=htmx, status=422, email="asha@")
    assert "Enter an e-mail address in the correct format" in refused.one("#alert-email-problem").get_text()
    assert refused.one("#alert-email")["value"] == "asha@"
    assert alerts() == []


@BOTH_WAYS
def test_an_alert_is_for_a_sold_out_option(pages: Pages, htmx: bool) -> None:
    mug = make_product(options=(("Blue", 0), ("Green", 3), ("Red", 0)))
    page = pages.get(product_url(mug))
    assert [option["value"] for option in page.all("#alert-sku option")] == [f"{mug.sku}-Blue", f"{mug.sku}-Red"]
    pages.submit(page, "#alert-form", htmx=htmx, sku=f"{mug.sku}-Red", email="asha@example.com")
    assert alerts() == [("asha@example.com", f"{mug.sku}-Red", None)]


@BOTH_WAYS
def test_no_alert_is_stored_if_the_product_is_back_meanwhile(pages: Pages, htmx: bool) -> None:
    mug = make_product(name="Clay Mug", stock=0)
    page = pages.get(product_url(mug))
    receive(mug.sku, 1)
    answer = pages.submit(page, "#alert-form", htmx=htmx, email="asha@example.com")
    assert "Clay Mug is in stock" in answer.words
    assert alerts() == []


def test_a_product_in_stock_offers_no_alert(pages: Pages) -> None:
    mug = make_product(stock=1)
    assert not pages.get(product_url(mug)).all("#alert-form")
    assert "You can buy it now" in pages.get(f"/wishlist/notices?sku={mug.sku}").words
    pages.get("/wishlist/notices?sku=NO-SUCH-SKU", status=404)


def sold_out_on_list(pages: Pages, account: Account | None) -> tuple[ProductCard, Page]:
    if account:
        pages.sign_in(account)
    mug = make_product(name="Clay Mug", stock=1)
    wish(pages, mug)
    inventory.reserve("a-checkout", [Hold(mug.sku, 1)])
    return mug, pages.get("/wishlist")


@BOTH_WAYS
def test_an_account_requests_an_alert_from_the_list_by_one_button(pages: Pages, htmx: bool) -> None:
    mug, page = sold_out_on_list(pages, make_account(email="asha@example.com"))
    after = pages.submit(page, ".wish__alert", htmx=htmx)
    assert "We will e-mail you when it is back in stock" in after.one(".wish").get_text()
    assert [(email, sku) for email, sku, _ in alerts()] == [("asha@example.com", mug.sku)]


def test_a_guest_gets_from_the_list_to_a_page_that_asks_for_the_address(pages: Pages) -> None:
    mug, page = sold_out_on_list(pages, None)
    form = pages.get(str(page.one(f"#wish-{mug.id}-alert")["href"]))
    assert form.one("h1").get_text() == "Notify me when Clay Mug is back"
    refused = pages.submit(form, "#alert-form", status=422, email="nobody")
    assert refused.one("#alert-email").has_attr("autofocus")
    pages.submit(refused, "#alert-form", email="asha@example.com")
    assert alerts() == [("asha@example.com", mug.sku, None)]


def test_unsubscribing_works_signed_out_and_twice(pages: Pages) -> None:
    mug = make_product(stock=0)
    accounts.request_alert("asha@example.com", mug.sku, mug.id)
    token = read_session().scalars(sa.select(StockNotice.token)).one()
    page = pages.get(f"/wishlist/notices/{token}")
    assert "asha@example.com" in page.words
    assert len(alerts()) == 1  # opening the page, as mail scanners do, changes nothing
    assert pages.submit(page, "main form").one("h1").get_text() == "You are unsubscribed"
    pages.submit(page, "main form")
    assert alerts() == []


def test_a_mail_program_unsubscribes_with_one_click(app: Flask) -> None:
    mug = make_product(stock=0)
    accounts.request_alert("asha@example.com", mug.sku, mug.id)
    token = read_session().scalars(sa.select(StockNotice.token)).one()
    read_session().rollback()
    app.config["WTF_CSRF_ENABLED"] = True
    response = app.test_client().post(f"/wishlist/notices/{token}", data={"List-Unsubscribe": "One-Click"})
    assert response.status_code == 303
    assert alerts() == []
