"""The cart page and changes of its lines, each with htmx and without."""

from __future__ import annotations

import pytest
import sqlalchemy as sa
from flask import Flask

from storefront.cart.models import Line
from storefront.catalog import inventory
from storefront.catalog.models import Product, Variant
from storefront.catalog.values import Hold, ProductCard, Sku
from storefront.db.session import read_session, transaction
from tests.factories.catalog import make_product, rupees
from tests.page_client import Page, Pages, counted_selects

BOTH_WAYS = pytest.mark.parametrize("htmx", [False, True], ids=["page", "htmx"])


def open_product(pages: Pages, product: ProductCard) -> Page:
    return pages.get(f"/product/{product.id}-{product.slug}")


def put_in_cart(pages: Pages, product: ProductCard, quantity: int = 1) -> Page:
    """What a shopper has done before the test begins.

    :return: the cart's page
    """
    pages.submit(open_product(pages, product), "#add-line", quantity=str(quantity))
    return pages.get("/cart")


def line_key(page: Page, place: int = 0) -> str:
    """What the ids of a line begin with."""
    return str(page.all(".cart-line")[place]["id"])


def in_cart(page: Page) -> list[tuple[str, str]]:
    """Name and quantity of every line that the page shows."""
    return [
        (
            " ".join(line.select_one(".cart-line__name").get_text().split()),
            str((line.select_one("input[type=number]") or {}).get("value", "")),
        )
        for line in page.all(".cart-line")
    ]


def badge(page: Page) -> list[str]:
    return page.one("#cart-badge").get_text().split()


def stored_lines() -> list[tuple[str, int]]:
    read_session().rollback()
    return [(row.variant, row.quantity) for row in read_session().execute(sa.select(Line.variant, Line.quantity))]


# ------------------------------------------------------------------------------------------ adding


def test_adding_on_the_product_page_redirects_to_the_cart(pages: Pages) -> None:
    mug = make_product(name="Clay Mug")
    page = pages.submit(open_product(pages, mug), "#add-line", quantity="2")
    assert page.url == "/cart"
    assert "Clay Mug added to your cart" in page.one("#notices").get_text()
    assert in_cart(page) == [("Clay Mug", "2")]
    assert badge(page) == ["Cart", "2"]


def test_adding_with_htmx_answers_the_form_the_badge_and_the_announcement(pages: Pages) -> None:
    mug = make_product(name="Clay Mug")
    page = pages.submit(open_product(pages, mug), "#add-line", htmx=True, quantity="2")
    assert page.all("form#add-line")
    assert badge(page) == ["Cart", "2"]
    assert page.one("#cart-badge")["hx-swap-oob"] == "true"
    assert page.one("#announcement")["hx-swap-oob"] == "innerHTML"
    assert "Clay Mug added to your cart" in page.one("#announcement").get_text()
    assert page.response.text.lstrip().startswith("<form")


@BOTH_WAYS
@pytest.mark.parametrize("slot", ["grid", "newest"])
def test_adding_on_a_card(pages: Pages, slot: str, htmx: bool) -> None:
    mug = make_product(name="Clay Mug", brand="Only Here")
    start = pages.get("/products?brand=Only+Here" if slot == "grid" else "/")
    form = f"#add-{slot}-{mug.id}"
    page = pages.submit(start, form, htmx=htmx)
    assert page.all(form) if htmx else page.url == "/cart"
    assert badge(page) == ["Cart", "1"]
    assert stored_lines() == [(mug.sku, 1)]


@pytest.mark.parametrize("selector", ["#add-line", ".product-card form.add-line"])
def test_adding_reads_the_product_once(pages: Pages, selector: str) -> None:
    start = open_product(pages, make_product())
    form = start.all(selector)[0]
    with counted_selects() as counted:
        added = pages.submit(start, f"#{form['id']}", htmx=True)
    assert badge(added) == ["Cart", "1"]
    assert counted["selects"] <= 4  # the product, the cart, the line, the badge


@BOTH_WAYS
def test_adding_the_chosen_option(pages: Pages, htmx: bool) -> None:
    mug = make_product(options=(("Blue", 5), ("Green", 5)))
    page = pages.submit(open_product(pages, mug), "#add-line", htmx=htmx, sku=f"{mug.sku}-Green")
    assert "Clay Mug, Green added" in page.words
    assert stored_lines() == [(f"{mug.sku}-Green", 1)]


@BOTH_WAYS
@pytest.mark.parametrize(
    ("typed", "problem"),
    [
        ("6", "Only 5 left"),
        ("100", "Enter a whole number from 1 to 99"),
        ("0", "Enter a whole number from 1 to 99"),
        ("-1", "Enter a whole number from 1 to 99"),
        ("1.5", "Enter a whole number from 1 to 99"),
        ("two", "Enter a whole number from 1 to 99"),
        ("", "Enter a whole number from 1 to 99"),
        ("9" * 400, "Enter a whole number from 1 to 99"),
    ],
)
def test_a_refused_quantity_is_shown_as_typed(pages: Pages, typed: str, problem: str, htmx: bool) -> None:
    mug = make_product(stock=5)
    page = pages.submit(open_product(pages, mug), "#add-line", htmx=htmx, status=422, quantity=typed)
    field = page.one("#add-line-quantity")
    assert (field["value"], field["aria-invalid"]) == (typed, "true")
    assert page.one(f"#{field['aria-describedby']}").get_text().strip() == problem
    assert stored_lines() == []


@BOTH_WAYS
def test_adding_beyond_the_stock_names_what_is_left(pages: Pages, htmx: bool) -> None:
    mug = make_product(stock=5)
    put_in_cart(pages, mug, 4)
    page = pages.submit(open_product(pages, mug), "#add-line", htmx=htmx, status=422, quantity="2")
    assert "Only 5 left" in page.words
    assert stored_lines() == [(mug.sku, 4)]


@BOTH_WAYS
def test_a_line_cannot_exceed_99_units(pages: Pages, htmx: bool) -> None:
    mug = make_product(stock=500)
    put_in_cart(pages, mug, 99)
    page = pages.submit(open_product(pages, mug), "#add-line", htmx=htmx, status=422, quantity="1")
    assert "You can add at most 99 of one product" in page.words


@BOTH_WAYS
def test_adding_a_sold_out_product_on_a_card_shows_an_error(pages: Pages, htmx: bool) -> None:
    mug = make_product(brand="Only Here", stock=1)
    listing = pages.get("/products?brand=Only+Here")
    inventory.reserve("another", [Hold(mug.sku, 1)])
    page = pages.submit(listing, f"#add-grid-{mug.id}", htmx=htmx, status=422 if htmx else 200)
    assert "Sold out" in page.words
    assert stored_lines() == []


@BOTH_WAYS
def test_an_unknown_sku_is_not_found(pages: Pages, htmx: bool) -> None:
    start = open_product(pages, make_product())
    pages.submit(start, "#add-line", htmx=htmx, status=404, sku="NO-SUCH-SKU")
    pages.submit(start, "#add-line", htmx=htmx, status=404, sku="x" * 500)
    pages.submit(start, "#add-line", htmx=htmx, status=404, sku="'; DROP TABLE cart; --")
    assert stored_lines() == []


def test_the_cart_page_creates_no_cart(pages: Pages) -> None:
    page = pages.get("/cart")
    assert "Your cart is empty" in page.words
    assert badge(page) == ["Cart"]
    assert "Set-Cookie" not in page.response.headers


# ---------------------------------------------------------------------------------------- changing


@BOTH_WAYS
def test_changing_a_quantity_changes_total_and_badge(pages: Pages, htmx: bool) -> None:
    cart = put_in_cart(pages, make_product(name="Clay Mug", price=1000), 2)
    page = pages.submit(cart, f"#{line_key(cart)}-form", htmx=htmx, quantity="5")
    assert in_cart(page) == [("Clay Mug", "5")]
    assert badge(page) == ["Cart", "5"]
    assert "₹6,400" in page.one("#figures").get_text()  # 5000, delivery 500, tax 900
    spoken = page.one("#announcement" if htmx else "#notices").get_text()
    assert "Clay Mug: quantity 5" in spoken


@BOTH_WAYS
@pytest.mark.parametrize(("press", "then"), [("1", "1"), ("3", "3")])
def test_one_more_and_one_fewer(pages: Pages, press: str, then: str, htmx: bool) -> None:
    cart = put_in_cart(pages, make_product(), 2)
    page = pages.submit(cart, f"#{line_key(cart)}-step", htmx=htmx, press=press)
    assert in_cart(page) == [("Clay Mug", then)]


@BOTH_WAYS
@pytest.mark.parametrize(
    ("typed", "problem"),
    [
        ("9", "Only 5 left"),
        ("100", "Enter a whole number from 1 to 99"),
        ("0", "Enter a whole number from 1 to 99"),
        ("many", "Enter a whole number from 1 to 99"),
        ("", "Enter a whole number from 1 to 99"),
        ("9" * 400, "Enter a whole number from 1 to 99"),
    ],
)
def test_a_refused_change_keeps_the_cart_and_what_was_typed(pages: Pages, typed: str, problem: str, htmx: bool) -> None:
    mug = make_product(stock=5)
    cart = put_in_cart(pages, mug, 2)
    key = line_key(cart)
    page = pages.submit(cart, f"#{key}-form", htmx=htmx, status=422, quantity=typed)
    field = page.one(f"#{key}-quantity")
    assert (field["value"], field["aria-invalid"]) == (typed, "true")
    assert page.one(f"#{key}-problem").get_text().strip() == problem
    assert stored_lines() == [(mug.sku, 2)]


@BOTH_WAYS
def test_changing_a_line_leaves_the_other_lines_alone(pages: Pages, htmx: bool) -> None:
    put_in_cart(pages, make_product(name="Clay Pot"), 1)
    cart = put_in_cart(pages, make_product(name="Clay Mug", stock=5), 2)
    page = pages.submit(cart, f"#{line_key(cart, 1)}-form", htmx=htmx, status=422, quantity="9")
    assert in_cart(page) == [("Clay Pot", "1"), ("Clay Mug", "9")]
    assert len(page.all("[aria-invalid]")) == 1


# ---------------------------------------------------------------------------------------- removing


def removal(cart: Page, place: int = 0) -> str:
    return f"#{line_key(cart, place)} .cart-line__removal"


@BOTH_WAYS
def test_removing_a_line_can_be_undone(pages: Pages, htmx: bool) -> None:
    put_in_cart(pages, make_product(name="Clay Pot"), 1)
    cart = put_in_cart(pages, make_product(name="Clay Mug"), 3)
    page = pages.submit(cart, removal(cart, 1), htmx=htmx)
    assert in_cart(page) == [("Clay Pot", "1")]
    assert badge(page) == ["Cart", "1"]
    assert "Clay Mug removed" in page.one(".cart__undo").get_text()
    page = pages.submit(page, ".cart__undo", htmx=htmx)
    assert in_cart(page) == [("Clay Pot", "1"), ("Clay Mug", "3")]
    assert badge(page) == ["Cart", "4"]
    assert not page.all(".cart__undo")


@BOTH_WAYS
def test_removing_the_last_line_shows_the_empty_cart_with_undo(pages: Pages, htmx: bool) -> None:
    cart = put_in_cart(pages, make_product(), 1)
    page = pages.submit(cart, removal(cart), htmx=htmx)
    assert "Your cart is empty" in page.words
    assert badge(page) == ["Cart"]
    assert page.all(".cart__undo")


def test_undo_is_offered_once(pages: Pages) -> None:
    cart = put_in_cart(pages, make_product(), 1)
    assert pages.submit(cart, removal(cart)).all(".cart__undo")
    assert not pages.get("/cart").all(".cart__undo")


@BOTH_WAYS
def test_undo_of_a_sold_out_line_is_refused(pages: Pages, htmx: bool) -> None:
    put_in_cart(pages, make_product(name="Clay Pot"), 1)
    mug = make_product(name="Clay Mug", stock=2)
    cart = put_in_cart(pages, mug, 2)
    removed = pages.submit(cart, removal(cart, 1), htmx=htmx)
    inventory.reserve("another", [Hold(mug.sku, 1)])
    page = pages.submit(removed, ".cart__undo", htmx=htmx, status=422 if htmx else 200)
    assert "Only 1 left" in page.words
    assert in_cart(page) == [("Clay Pot", "1")]


@BOTH_WAYS
def test_a_line_already_removed_in_another_tab_is_not_found(pages: Pages, htmx: bool) -> None:
    cart = put_in_cart(pages, make_product(), 1)
    pages.submit(cart, removal(cart))
    pages.submit(cart, removal(cart), htmx=htmx, status=404)
    pages.submit(cart, f"#{line_key(cart)}-form", htmx=htmx, status=404, quantity="2")


# ------------------------------------------------------------------------------------ other people


def with_action(page: Page, selector: str, url: str) -> Page:
    """The page with a form that sends elsewhere, as someone with tools would."""
    form = page.one(selector)
    form["action"] = form["hx-post"] = url
    return page


@BOTH_WAYS
@pytest.mark.parametrize("act", ["", "/removal"])
def test_the_line_of_another_shopper_is_not_found(app: Flask, pages: Pages, act: str, htmx: bool) -> None:
    mug = make_product()
    theirs = line_key(put_in_cart(Pages(app), mug, 3)).removeprefix("line-")
    mine = put_in_cart(pages, make_product(), 1)
    selector = removal(mine) if act else f"#{line_key(mine)}-form"
    foreign = pages.submit(with_action(mine, selector, f"/cart/lines/{theirs}{act}"), selector, htmx=htmx, status=404)
    unknown = pages.submit(with_action(mine, selector, f"/cart/lines/999999999{act}"), selector, htmx=htmx, status=404)
    assert foreign.words == unknown.words
    assert (mug.sku, 3) in stored_lines()


def test_two_shoppers_have_two_carts(app: Flask, pages: Pages) -> None:
    put_in_cart(pages, make_product(name="Clay Mug"), 1)
    assert in_cart(put_in_cart(Pages(app), make_product(name="Clay Pot"), 2)) == [("Clay Pot", "2")]
    assert in_cart(pages.get("/cart")) == [("Clay Mug", "1")]


# ---------------------------------------------------------------------------------- what has changed


def test_a_changed_price_is_shown_on_its_line(pages: Pages) -> None:
    mug = make_product(price=500)
    put_in_cart(pages, mug, 2)
    with transaction("catalog") as session:
        dearer = sa.update(Variant).where(Variant.sku == mug.sku).values(price=rupees("549.50").minor)
        session.execute(dearer)
    page = pages.get("/cart")
    assert "The price changed from ₹500 to ₹549.50 since you added it." in page.words
    assert "₹1,099" in page.one("#figures").get_text()
    assert page.all('#cart-summary a[href="/checkout"]')


@pytest.mark.parametrize(
    ("taken", "told"), [(3, "Only 2 left: reduce the quantity to check out."), (5, "Sold out since you added it.")]
)
def test_an_unavailable_line_has_a_notice_and_blocks_the_checkout(pages: Pages, taken: int, told: str) -> None:
    mug = make_product(stock=5)
    put_in_cart(pages, mug, 4)
    inventory.reserve("another", [Hold(mug.sku, taken)])
    page = pages.get("/cart")
    assert told in page.words
    assert "Before you check out" in page.words
    assert not page.all('#cart-summary a[href="/checkout"]')
    for link in page.all(".cart-summary__mend a"):
        assert page.all(str(link["href"])), f"{link['href']} leads nowhere"


def test_a_line_of_a_withdrawn_product_can_only_be_removed(pages: Pages) -> None:
    mug = make_product(name="Clay Mug")
    put_in_cart(pages, mug, 2)
    with transaction("catalog") as session:
        session.execute(sa.update(Product).where(Product.id == mug.id).values(active=False))
    page = pages.get("/cart")
    assert "No longer available." in page.words
    assert in_cart(page) == [("Clay Mug", "")]  # no quantity to change
    assert "Your cart is empty" in pages.submit(page, removal(page)).words


def test_a_long_cart_costs_no_more_selects_than_a_short_one(pages: Pages) -> None:
    short = put_in_cart(pages, make_product()).selects
    for _ in range(9):
        page = put_in_cart(pages, make_product())
    assert page.selects == short


@pytest.mark.parametrize("name", ['<script>alert("x")</script>', "Mug & “Pot” {{ 7*7 }}"])
def test_a_product_name_is_escaped(pages: Pages, name: str) -> None:
    mug = make_product(name=name)
    page = put_in_cart(pages, mug)
    assert in_cart(page)[0][0] == name
    assert name in pages.submit(page, removal(page)).one(".cart__undo").get_text()


def test_a_cart_outlives_the_browser_session(pages: Pages) -> None:
    put_in_cart(pages, make_product(), 2)
    cookie = pages.client.get_cookie("storefront")
    assert cookie is not None
    assert cookie.expires is not None
    assert (cookie.http_only, cookie.same_site) == (True, "Lax")


def test_the_unknown_sku_of_an_option_never_reaches_the_cart(pages: Pages) -> None:
    mug = make_product(options=(("Blue", 5), ("Green", 0)))
    start = open_product(pages, mug)
    page = pages.submit(start, "#add-line", status=422, sku=Sku(f"{mug.sku}-Green"))
    assert "Sold out" in page.words
    assert stored_lines() == []
