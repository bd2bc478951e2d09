"""Wishlist pages: toggles on every page, the list, sharing; every write with and without htmx."""

from __future__ import annotations

import pytest
import sqlalchemy as sa
from flask import Flask

from storefront.accounts import service as accounts
from storefront.accounts import wishlist
from storefront.catalog import inventory
from storefront.catalog.values import Hold
from storefront.db.session import db
from storefront.web import session as web_session
from tests.factories.accounts import make_account
from tests.factories.catalog import make_product
from tests.page_client import SAME_ORIGIN, Pages
from tests.pages.wishlist.toggles import badge, heart_of, listed, pressed, product_url, wish

pytestmark = pytest.mark.both_engines

BOTH_WAYS = pytest.mark.parametrize("htmx", [False, True], ids=["page", "htmx"])
AS_ANYBODY = pytest.mark.parametrize("is_signed_in", [False, True], ids=["guest", "account"])


# ------------------------------------------------------------------------------------------------ toggles


@BOTH_WAYS
@AS_ANYBODY
def test_a_toggle_adds_and_removes_a_product(pages: Pages, htmx: bool, is_signed_in: bool) -> None:
    if is_signed_in:
        pages.sign_in(make_account())
    mug = make_product(name="Clay Mug")
    before = pages.get(product_url(mug))
    assert (pressed(before, mug), badge(before)) == ("false", ["Wishlist"])
    after = pages.submit(before, heart_of(mug), htmx=htmx)
    assert (pressed(after, mug), badge(after)) == ("true", ["Wishlist", "1"])
    assert "Clay Mug added to your wishlist" in after.words
    assert pressed(pages.get(product_url(mug)), mug) == "true"
    again = pages.submit(after, heart_of(mug), htmx=htmx)
    assert (pressed(again, mug), badge(again)) == ("false", ["Wishlist"])
    assert "Clay Mug removed from your wishlist" in again.words


@BOTH_WAYS
def test_the_toggle_of_a_card_is_swapped_alone(pages: Pages, htmx: bool) -> None:
    mug = make_product(name="Clay Mug", category="books")
    listing = pages.get("/category/books?sort=newest")
    after = pages.submit(listing, heart_of(mug, "grid"), htmx=htmx)
    assert pressed(after, mug, "grid" if htmx else "page") == "true"
    assert bool(after.all("h1")) is not htmx
    if htmx:
        assert str(after.one("#wishes-badge")["hx-swap-oob"]) == "true"
        assert "Clay Mug" in after.one("#announcement").get_text()


def test_without_htmx_a_toggle_redirects_to_its_page(pages: Pages) -> None:
    mug = make_product(category="books")
    listing = "/category/books?sort=newest"
    form = pages.get(listing).one(heart_of(mug, "grid"))
    data = {field["name"]: field["value"] for field in form.select("input")}
    for referrer, location in (
        (f"http://localhost{listing}", f"{listing}#heart-grid-{mug.id}"),
        ("http://elsewhere.example/category/books", f"{product_url(mug)}#heart-grid-{mug.id}"),
    ):
        headers = {**SAME_ORIGIN, "Referer": referrer}
        response = pages.client.post("/wishlist/items", data=data, headers=headers)
        assert (response.status_code, response.headers["Location"]) == (303, location)


@BOTH_WAYS
def test_a_product_added_in_another_tab_stays_added(pages: Pages, htmx: bool) -> None:
    mug = make_product()
    stale = pages.get(product_url(mug))
    wish(pages, mug)
    after = pages.submit(stale, heart_of(mug), htmx=htmx)
    assert (pressed(after, mug), badge(after)) == ("true", ["Wishlist", "1"])


@BOTH_WAYS
def test_a_product_not_on_sale_cannot_be_added(pages: Pages, htmx: bool) -> None:
    mug = make_product()
    page = pages.get(product_url(mug))
    form = page.one(heart_of(mug))
    form.select_one("[name=product_id]")["value"] = str(10**6)
    pages.submit(page, heart_of(mug), htmx=htmx, status=404)
    form.select_one("[name=product_id]")["value"] = "nonsense"
    pages.submit(page, heart_of(mug), htmx=htmx, status=400)


@BOTH_WAYS
def test_a_full_list_is_refused(pages: Pages, htmx: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    mug, pot = make_product(), make_product()
    wish(pages, mug)
    monkeypatch.setattr(wishlist, "MAX_WISHLIST_ITEMS", 1)
    refused = pages.submit(pages.get(product_url(pot)), heart_of(pot), htmx=htmx, status=422 if htmx else 200)
    assert pressed(refused, pot) == "false"
    assert "Your wishlist is full" in refused.words


def test_toggles_cost_a_listing_one_query_if_the_visitor_has_a_list(pages: Pages) -> None:
    url = "/category/electronics"
    first = pages.get(url)
    assert len(first.all("form.wishlist-toggle")) == len(first.all(".product-card")) >= 12
    plain = pages.get(url).selects
    wish(pages, make_product())
    assert pages.get(url).selects == plain + 1
    pages.sign_in(make_account())
    assert pages.get(url).selects == plain + 3  # who is signed in, their list, their cart


def test_pages_work_while_the_accounts_database_is_down(pages: Pages, monkeypatch: pytest.MonkeyPatch) -> None:
    mug = make_product()
    wish(pages, mug)

    def fail(*args: object) -> None:
        raise sa.exc.OperationalError("select", {}, Exception("the database is down"))

    monkeypatch.setattr(accounts, "wishlist_product_ids", fail)
    assert badge(pages.get(product_url(mug))) == ["Wishlist"]


# ------------------------------------------------------------------------------------------------ the list


def test_the_list_shows_current_price_and_stock(pages: Pages) -> None:
    mug = make_product(name="Clay Mug", price=500, stock=8)
    wish(pages, mug)
    inventory.reserve("a-checkout", [Hold(mug.sku, 6)])
    line = pages.get("/wishlist").one(".wish")
    assert "₹500" in line.get_text()
    assert "Only 2 left" in line.get_text()


def test_an_empty_list_starts_no_session(pages: Pages) -> None:
    page = pages.get("/wishlist")
    assert "Your wishlist is empty" in page.words
    with pages.client.session_transaction() as session:
        assert web_session.WISHLIST not in session


def test_a_long_list_needs_no_more_queries_than_a_short_one(pages: Pages) -> None:
    short = wish(pages, make_product()).selects
    for _ in range(5):
        page = wish(pages, make_product(options=(("Blue", 1), ("Green", 0))))
    assert page.selects == short


@BOTH_WAYS
def test_a_quantity_is_saved_and_moved_to_the_cart(pages: Pages, htmx: bool) -> None:
    mug = make_product(name="Clay Mug", stock=9)
    page = wish(pages, mug)
    form = f"#wish-{mug.id}-form"
    page = pages.submit(page, form, htmx=htmx, quantity="3")
    assert page.one(f"#wish-{mug.id}-quantity")["value"] == "3"
    page = pages.submit(page, form, htmx=htmx, press="move")
    assert listed(page) == []
    assert page.one("#cart-badge").get_text().split() == ["Cart", "3"]
    assert "Clay Mug moved to your cart" in page.words


@BOTH_WAYS
def test_the_typed_quantity_is_moved_to_the_cart(pages: Pages, htmx: bool) -> None:
    mug = make_product(stock=9)
    page = pages.submit(wish(pages, mug), f"#wish-{mug.id}-form", htmx=htmx, press="move", quantity="4")
    assert page.one("#cart-badge").get_text().split() == ["Cart", "4"]


@BOTH_WAYS
def test_an_option_must_be_chosen_before_moving_to_the_cart(pages: Pages, htmx: bool) -> None:
    mug = make_product(options=(("Blue", 2), ("Green", 3)))
    page = wish(pages, mug)
    form = f"#wish-{mug.id}-form"
    page = pages.submit(page, form, htmx=htmx, press="move", status=422)
    assert "Choose an option" in page.one(f"#wish-{mug.id}-problem").get_text()
    page = pages.submit(page, form, htmx=htmx, sku=f"{mug.sku}-Green")
    page = pages.submit(page, form, htmx=htmx, press="move")
    assert pages.get("/cart").one(".cart-line .small").get_text() == "Green"


@BOTH_WAYS
@pytest.mark.parametrize(
    ("typed", "problem"), [("9", "Only 3 left"), ("0", "Enter a whole number"), ("many", "Enter a whole number")]
)
def test_a_refused_quantity_is_shown_as_typed(pages: Pages, typed: str, problem: str, htmx: bool) -> None:
    mug, pot = make_product(stock=3), make_product()
    wish(pages, pot)
    page = wish(pages, mug)
    refused = pages.submit(page, f"#wish-{mug.id}-form", htmx=htmx, press="move", status=422, quantity=typed)
    assert problem in refused.one(f"#wish-{mug.id}-problem").get_text()
    assert refused.one(f"#wish-{mug.id}-quantity")["value"] == typed
    assert len(refused.all(".field__problem")) == 1
    assert len(listed(pages.get("/wishlist"))) == 2


@BOTH_WAYS
def test_a_removal_can_be_undone(pages: Pages, htmx: bool) -> None:
    mug = make_product(name="Clay Mug", stock=9)
    page = pages.submit(wish(pages, mug), f"#wish-{mug.id}-form", quantity="3")
    removed = pages.submit(page, ".wish__removal", htmx=htmx)
    assert (listed(removed), badge(removed)) == ([], ["Wishlist"])
    assert removed.one("#wishlist-focus").has_attr("autofocus")
    restored = pages.submit(removed, "#wishlist > form.notice", htmx=htmx)
    assert listed(restored) == ["Clay Mug"]
    assert restored.one(f"#wish-{mug.id}-quantity")["value"] == "3"
    assert not pages.get("/wishlist").all("#wishlist > form.notice")


@BOTH_WAYS
def test_other_visitors_cannot_change_a_list(app: Flask, pages: Pages, htmx: bool) -> None:
    mug = make_product(stock=9)
    page = wish(pages, mug)
    stranger = Pages(app)
    own = wish(stranger, make_product())
    token = own.all("#wishlist [name=csrf_token]")[0]["value"]
    for form in page.html.select("#wishlist form"):
        form.select_one("[name=csrf_token]")["value"] = token
    stranger.submit(page, f"#wish-{mug.id}-form", htmx=htmx, status=404, quantity="5")
    stranger.submit(page, f"#wish-{mug.id}-form", htmx=htmx, status=404, press="move")
    stranger.submit(page, ".wish__removal", htmx=htmx)
    assert pages.get("/wishlist").one(f"#wish-{mug.id}-quantity")["value"] == "1"


def test_a_name_is_escaped(pages: Pages) -> None:
    name = "<script>alert(1)</script> & Mug"
    assert listed(wish(pages, make_product(name=name))) == [name]


def test_signing_in_merges_the_guests_list(app: Flask, pages: Pages) -> None:
    mug, pot = make_product(name="Clay Mug"), make_product(name="Pot")
    account = make_account()
    accounts.add_wishlist_item(account.id, pot.id)
    wish(pages, mug)
    with pages.client.session_transaction() as session:
        token = session[web_session.WISHLIST]
    db.session.rollback()
    with app.test_request_context("/"):
        from flask import session as own

        own[web_session.WISHLIST] = token
        web_session.sign_in(account.id)
        assert web_session.WISHLIST not in own
    assert accounts.wishlist_product_ids(account.id) == {mug.id, pot.id}
    assert accounts.wishlist_product_ids(token) == frozenset()


# ------------------------------------------------------------------------------------------------ sharing


@BOTH_WAYS
def test_a_list_is_shared_by_a_link_until_sharing_stops(app: Flask, pages: Pages, htmx: bool) -> None:
    pages.sign_in(make_account(name="Asha Rao"))
    mug = make_product(name="Clay Mug")
    page = pages.submit(wish(pages, mug), "#wishlist-share", htmx=htmx)
    link = str(page.one("#wishlist-link")["value"]).removeprefix("http://localhost")
    shared = Pages(app).get(link)
    assert shared.one("h1").get_text() == "Asha Rao’s wishlist"
    assert [name.get_text() for name in shared.all(".product-card__name")] == ["Clay Mug"]
    assert shared.response.headers["X-Robots-Tag"] == "noindex"
    assert not shared.all(".wish")
    page = pages.submit(page, "#wishlist-share form", htmx=htmx)
    assert not page.all("#wishlist-link")
    Pages(app).get(link, status=404)


def test_a_guest_is_asked_to_sign_in_to_share(pages: Pages) -> None:
    page = wish(pages, make_product())
    assert page.one("#wishlist-share a")["href"] == "/login?next=/wishlist"
    assert not page.all("form#wishlist-share")


def test_a_guest_cannot_share(pages: Pages) -> None:
    page = wish(pages, make_product())
    token = page.all("#wishlist [name=csrf_token]")[0]["value"]
    response = pages.client.post("/wishlist/share", data={"csrf_token": token}, headers=SAME_ORIGIN)
    assert (response.status_code, response.headers["Location"].partition("?")[0]) == (303, "/login")


def test_an_unknown_link_is_not_found(pages: Pages) -> None:
    pages.get("/wishlist/shared/no-such-link", status=404)
