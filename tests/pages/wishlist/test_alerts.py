"""Waiting for goods that are sold out: asked on a product's page and on the list, ended by a link."""

from __future__ import annotations

import pytest
import sqlalchemy as sa
from flask import Flask

from storefront.accounts import service as accounts
from storefront.accounts.models import StockNotice
from storefront.accounts.service import Account
from storefront.catalog import service as catalog
from storefront.catalog.service import Hold, ProductCard
from storefront.db.session import read_session
from tests.factories.accounts import make_account
from tests.factories.catalog import make_product
from tests.factories.stock import receive
from tests.page_client import Page, Pages
from tests.pages.wishlist.toggles import product_url, wish

BOTH_WAYS = pytest.mark.parametrize("htmx", [False, True], ids=["page", "htmx"])
AS_ANYBODY = pytest.mark.parametrize("is_signed_in", [False, True], ids=["guest", "account"])


def asked() -> list[tuple[str, str, int | None]]:
    read_session().rollback()
    rows = read_session().execute(sa.select(StockNotice.email, StockNotice.variant, StockNotice.user_id))
    return [(row.email, row.variant, row.user_id) for row in rows]


@BOTH_WAYS
def test_a_guest_asks_to_be_told_and_is_answered_alike_however_often(pages: Pages, htmx: bool) -> None:
    mug = make_product(name="Clay Mug", stock=0)
    page = pages.get(product_url(mug))
    answers = [pages.submit(page, "#notice-form", htmx=htmx, email="Asha@example.com") for _ in range(2)]
    for answer in answers:
        assert "We write to you once, when Clay Mug is back" in answer.words
    assert asked() == [("asha@example.com", mug.sku, None)]


@BOTH_WAYS
def test_whoever_is_signed_in_need_not_type_their_address(pages: Pages, htmx: bool) -> None:
    account = make_account(email="asha@example.com")
    pages.sign_in(account)
    mug = make_product(stock=0)
    page = pages.get(product_url(mug))
    assert not page.all("#notice-email")
    pages.submit(page, "#notice-form", htmx=htmx)
    assert asked() == [("asha@example.com", mug.sku, account.id)]


def test_an_address_that_was_not_proved_must_be_typed(pages: Pages) -> None:
    pages.sign_in(make_account(verified=False))
    assert pages.get(product_url(make_product(stock=0))).all("#notice-email")


@BOTH_WAYS
def test_an_address_that_is_none_comes_back_as_typed(pages: Pages, htmx: bool) -> None:
    mug = make_product(stock=0)
    page = pages.get(product_url(mug))
    refused = pages.submit(page, "#notice-form", htmx=htmx, status=422, email="asha@")
    assert "does not look like an e-mail address" in refused.one("#notice-email-problem").get_text()
    assert refused.one("#notice-email")["value"] == "asha@"
    assert asked() == []


@BOTH_WAYS
def test_the_option_that_is_sold_out_is_waited_for(pages: Pages, htmx: bool) -> None:
    mug = make_product(options=(("Blue", 0), ("Green", 3), ("Red", 0)))
    page = pages.get(product_url(mug))
    assert [option["value"] for option in page.all("#notice-sku option")] == [f"{mug.sku}-Blue", f"{mug.sku}-Red"]
    pages.submit(page, "#notice-form", htmx=htmx, sku=f"{mug.sku}-Red", email="asha@example.com")
    assert asked() == [("asha@example.com", f"{mug.sku}-Red", None)]


@BOTH_WAYS
def test_what_came_back_meanwhile_need_not_be_waited_for(pages: Pages, htmx: bool) -> None:
    mug = make_product(name="Clay Mug", stock=0)
    page = pages.get(product_url(mug))
    receive(mug.sku, 1)
    answer = pages.submit(page, "#notice-form", htmx=htmx, email="asha@example.com")
    assert "Clay Mug is in stock" in answer.words
    assert asked() == []


def test_what_can_be_had_asks_nobody_to_wait(pages: Pages) -> None:
    mug = make_product(stock=1)
    assert not pages.get(product_url(mug)).all("#notice-form")
    assert "you can buy it now" in pages.get(f"/wishlist/notices?sku={mug.sku}").words
    pages.get("/wishlist/notices?sku=NO-SUCH-SKU", status=404)


def sold_out_on_list(pages: Pages, account: Account | None) -> tuple[ProductCard, Page]:
    if account:
        pages.sign_in(account)
    mug = make_product(name="Clay Mug", stock=1)
    wish(pages, mug)
    catalog.reserve("a-checkout", [Hold(mug.sku, 1)])
    return mug, pages.get("/wishlist")


@BOTH_WAYS
def test_from_the_list_one_press_asks_and_the_list_remembers(pages: Pages, htmx: bool) -> None:
    mug, page = sold_out_on_list(pages, make_account(email="asha@example.com"))
    after = pages.submit(page, ".wish__notice", htmx=htmx)
    assert "We write to you when it is back" in after.one(".wish").get_text()
    assert [(email, sku) for email, sku, _ in asked()] == [("asha@example.com", mug.sku)]


def test_from_the_list_a_guest_gets_to_a_page_that_asks_for_the_address(pages: Pages) -> None:
    mug, page = sold_out_on_list(pages, None)
    form = pages.get(str(page.one(f"#wish-{mug.id}-notice")["href"]))
    assert form.one("h1").get_text() == "Tell me when Clay Mug is back"
    refused = pages.submit(form, "#notice-form", status=422, email="nobody")
    assert refused.one("#notice-email").has_attr("autofocus")
    pages.submit(refused, "#notice-form", email="asha@example.com")
    assert asked() == [("asha@example.com", mug.sku, None)]


def test_unsubscribing_works_signed_out_and_twice(pages: Pages) -> None:
    mug = make_product(stock=0)
    accounts.ask_for_notice("asha@example.com", mug.sku, mug.id)
    token = read_session().scalars(sa.select(StockNotice.token)).one()
    page = pages.get(f"/wishlist/notices/{token}")
    assert "asha@example.com" in page.words
    assert len(asked()) == 1  # opening the page, as mail scanners do, changes nothing
    assert pages.submit(page, "main form").one("h1").get_text() == "You get no stock notices"
    pages.submit(page, "main form")
    assert asked() == []


def test_a_mail_program_unsubscribes_by_itself(app: Flask) -> None:
    mug = make_product(stock=0)
    accounts.ask_for_notice("asha@example.com", mug.sku, mug.id)
    token = read_session().scalars(sa.select(StockNotice.token)).one()
    read_session().rollback()
    app.config["WTF_CSRF_ENABLED"] = True
    response = app.test_client().post(f"/wishlist/notices/{token}", data={"List-Unsubscribe": "One-Click"})
    assert response.status_code == 303
    assert asked() == []
