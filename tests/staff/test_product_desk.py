"""The product desk's pages: written with and without JavaScript, refused with all that was typed."""

from __future__ import annotations

import pytest

from storefront.accounts.values import Role
from storefront.catalog import listing
from storefront.catalog import products as catalog_products
from storefront.catalog.values import ProductCard
from tests.factories.accounts import make_staff
from tests.factories.catalog import make_product, rupees
from tests.factories.products import acts, category_id, change, faults, priced, record_of, variants
from tests.fakes import Clock
from tests.page_client import Page, Pages

DESK = "/staff/products"
BOTH_WAYS = pytest.mark.parametrize("htmx", [False, True], ids=["page", "htmx"])


@pytest.fixture
def desk(pages: Pages) -> Pages:
    """The pages of somebody who keeps the products."""
    pages.sign_in(make_staff(Role.STOCK_STAFF, email="keeper@example.com"))
    return pages


def open_product(desk: Pages, product: ProductCard) -> Page:
    return desk.get(f"{DESK}/{product.id}")


def value(page: Page, field: str) -> str:
    control = page.one(f"#{field}")
    if control.name == "textarea":
        return control.get_text().strip()
    return str(control.get("value") or "")


def typed_new(**fields: str) -> dict[str, str]:
    """What somebody types who adds a product with one variant."""
    return {
        "sku": "desk-mug",
        "name": "Enamel Mug",
        "brand": "Kiln",
        "category": str(category_id("home-living")),
        "variant-0-price": "499.50",
        "variant-0-stock": "7",
        "spec-0-name": "Colour",
        "spec-0-value": "Blue",
        **fields,
    }


# ----------------------------------------------------------------------------------------------- a new one


def test_a_product_is_added_and_can_be_bought(desk: Pages) -> None:
    page = desk.submit(desk.get(f"{DESK}/new"), "#product-form", **typed_new())
    assert page.one("h1").get_text() == "Enamel Mug"
    assert "Enamel Mug is added" in page.one("#notices").get_text()
    product_id = int(page.url.rpartition("/")[2])
    shown = desk.get(f"/product/{product_id}-enamel-mug")
    assert "₹499.50" in shown.words
    assert "Blue" in shown.words
    assert catalog_products.get_offer(record_of(product_id).variants[0].sku).available == 7  # type: ignore[arg-type]
    assert faults() == []


def test_adding_with_htmx_leads_to_the_product(desk: Pages) -> None:
    page = desk.submit(desk.get(f"{DESK}/new"), "#product-form", htmx=True, status=204, **typed_new())
    assert page.response.headers["HX-Redirect"].startswith(f"{DESK}/")


def test_a_product_sent_twice_is_added_once(desk: Pages) -> None:
    form = desk.get(f"{DESK}/new")
    first = desk.submit(form, "#product-form", **typed_new())
    assert desk.submit(form, "#product-form", **typed_new()).url == first.url


@BOTH_WAYS
def test_a_refused_product_comes_back_with_everything_typed(desk: Pages, htmx: bool) -> None:
    mug = make_product()
    typed = typed_new(sku=mug.sku, **{"variant-0-price": "free", "description": "For camping."})
    page = desk.submit(desk.get(f"{DESK}/new"), "#product-form", htmx=htmx, status=422, **typed)
    assert "Enter a price such as 499 or 499.50" in page.words
    for field, text in typed.items():
        if field != "category":
            assert value(page, field) == text, field
    again = desk.submit(page, "#product-form", htmx=htmx, status=422, **{"variant-0-price": "499"})
    assert "Another product carries this SKU" in again.words
    assert value(again, "description") == "For camping."


@BOTH_WAYS
def test_rows_are_added_and_removed_without_saving(desk: Pages, htmx: bool) -> None:
    page = desk.submit(desk.get(f"{DESK}/new"), "#product-form", htmx=htmx, press="variant", **typed_new())
    assert len(page.all("#product-form [name$='-price']")) == 2
    assert (value(page, "name"), value(page, "variant-0-price")) == ("Enamel Mug", "499.50")
    page = desk.submit(page, "#product-form", htmx=htmx, press="spec")
    assert len(page.all(".specs-table tbody tr")) == 2
    page = desk.submit(page, "#product-form", htmx=htmx, press="variant-1")
    page = desk.submit(page, "#product-form", htmx=htmx, press="spec-0")
    assert len(page.all("#product-form [name$='-price']")) == 1
    assert value(page, "spec-0-name") == ""
    assert [what for what, _, _ in acts() if what == "product created"] == []


def test_variants_are_told_apart(desk: Pages) -> None:
    two = {"variant-1-sku": "DESK-L", "variant-1-option": "L", "variant-1-price": "550", "variant-0-sku": "DESK-S"}
    page = desk.submit(desk.get(f"{DESK}/new"), "#product-form", press="variant", **typed_new())
    refused = desk.submit(page, "#product-form", status=422, **two)
    assert "Say what the variants differ in, such as Size" in refused.words
    assert "Say what tells it from the others" in refused.words
    page = desk.submit(refused, "#product-form", **{"option_name": "Size", "variant-0-option": "S"})
    assert [v.option for v in record_of(int(page.url.rpartition("/")[2])).variants] == ["S", "L"]


# ----------------------------------------------------------------------------------------------- changed


@BOTH_WAYS
def test_a_product_is_changed(desk: Pages, htmx: bool) -> None:
    mug = make_product(name="Clay Mug")
    typed = {"name": "Brass Mug", "variant-0-price": "₹ 1,450", "variant-0-compare_at_price": "1600"}
    page = desk.submit(open_product(desk, mug), "#product-form", htmx=htmx, **typed)
    spoken = page.one("#announcement" if htmx else "#notices").get_text().strip()
    assert spoken == "Saved"
    assert page.one("h1").get_text() == "Brass Mug"
    assert value(page, "variant-0-price") == "1450.00"
    (card,) = listing.cards_of([mug.id])
    assert (card.price, card.compare_at_price) == (rupees(1450), rupees(1600))
    assert ("price", mug.sku, "INR 500.00 to INR 1450.00 (was 1600.00)") in acts()


def test_a_new_name_proposes_a_new_address(desk: Pages) -> None:
    mug = make_product(name="Clay Mug")
    page = desk.submit(open_product(desk, mug), "#product-form", name="Brass Mug")
    assert value(page, "slug") == "clay-mug"
    assert "Of the name it would be brass-mug" in page.words
    page = desk.submit(page, "#product-form", press="1")
    assert value(page, "slug") == "brass-mug"
    desk.submit(page, "#product-form")
    moved = desk.client.get(f"/product/{mug.id}-clay-mug?stars=5")
    assert (moved.status_code, moved.location) == (301, f"/product/{mug.id}-brass-mug?stars=5")


@BOTH_WAYS
def test_somebody_elses_change_is_shown_beside_ones_own_and_never_overwritten(desk: Pages, htmx: bool) -> None:
    mug = make_product(name="Clay Mug")
    page = open_product(desk, mug)
    change(mug.id, name="Brass Mug", variants=variants(record_of(mug.id), only=priced(650)))
    typed = {"name": "Tin Mug", "variant-0-price": "700"}
    refused = desk.submit(page, "#product-form", htmx=htmx, status=409, **typed)
    assert "Nothing was saved: somebody changed this product" in refused.words
    assert refused.one("#name-now").get_text() == "There is now: Brass Mug"
    assert refused.one("#variant-0-price-now").get_text() == "Price now: 650.00"
    assert (value(refused, "name"), value(refused, "variant-0-price")) == ("Tin Mug", "700")
    assert record_of(mug.id).name == "Brass Mug"
    desk.submit(refused, "#product-form", htmx=htmx)  # knowing it
    assert (record_of(mug.id).name, record_of(mug.id).variants[0].price) == ("Tin Mug", rupees(700))


def test_a_variant_somebody_added_meanwhile_is_kept(desk: Pages) -> None:
    shirt = make_product(options=(("S", 1), ("M", 1)))
    page = open_product(desk, shirt)
    desk.submit(
        desk.submit(open_product(desk, shirt), "#product-form", press="variant"),
        "#product-form",
        **{"variant-2-sku": "DESK-L", "variant-2-option": "L", "variant-2-price": "550"},
    )
    refused = desk.submit(page, "#product-form", status=409, name="Shirt")
    assert "DESK-L" in refused.words
    desk.submit(refused, "#product-form")
    assert [variant.option for variant in record_of(shirt.id).variants] == ["S", "M", "L"]


@pytest.mark.parametrize(
    ("typed", "words"),
    [
        ({"name": " "}, "Enter a name"),
        ({"name": "x" * 501}, "Use at most 500 characters"),
        ({"slug": "Clay Mug!"}, "Use small letters, digits and single hyphens"),
        ({"description": "x" * 16_001}, "Use at most 16,000 characters"),
        ({"variant-0-price": "0"}, "Enter a price such as 499"),
        ({"variant-0-price": "1.005"}, "Enter a price such as 499"),
        ({"variant-0-price": "-5"}, "Enter a price such as 499"),
        ({"variant-0-compare_at_price": "400"}, "The old price must be the higher one"),
        ({"variant-0-barcode": "12"}, "A barcode has 8, 12, 13 or 14 digits"),
        ({"variant-0-state": "off"}, "One variant must be on sale"),
        ({"spec-0-name": "Colour"}, "Enter a value, or empty the name"),
        ({"spec-0-value": "Blue"}, "Name it"),
    ],
)
def test_what_cannot_stand_is_explained_beside_its_field(desk: Pages, typed: dict[str, str], words: str) -> None:
    mug = make_product()
    refused = desk.submit(open_product(desk, mug), "#product-form", status=422, **typed)
    assert words in refused.words
    assert record_of(mug.id).version == 1


def test_what_is_typed_is_text(desk: Pages) -> None:
    mug = make_product()
    markup = "<b onclick=alert(1)>Mug</b>"
    page = desk.submit(open_product(desk, mug), "#product-form", name=markup, description=f"one\n{markup}")
    assert page.one("h1").get_text() == markup
    assert page.all("b[onclick]") == []
    assert desk.get(f"/product/{mug.id}-x").all("b[onclick]") == []


@BOTH_WAYS
def test_a_product_is_hidden_and_put_on_sale(desk: Pages, htmx: bool) -> None:
    mug = make_product()
    page = desk.submit(open_product(desk, mug), "#publication", htmx=htmx)
    assert "Put it on sale" in page.words
    assert desk.client.get(f"/product/{mug.id}-clay-mug").status_code == 404
    desk.submit(page, "#publication", htmx=htmx)
    assert desk.client.get(f"/product/{mug.id}-clay-mug").status_code == 200


def test_a_product_that_is_not_there_is_404(desk: Pages) -> None:
    for url in (f"{DESK}/2147483647", f"{DESK}/categories/2147483647"):
        desk.get(url, status=404)


# ----------------------------------------------------------------------------------------- prices to come


@BOTH_WAYS
def test_a_price_is_planned_in_the_time_of_the_shop_and_called_off(desk: Pages, htmx: bool) -> None:
    mug = make_product()
    typed = {"price": "450", "compare_at_price": "500", "starts_at": "2026-11-23T00:00", "ends_at": "2026-11-30T00:00"}
    page = desk.submit(open_product(desk, mug), "#plan-form", htmx=htmx, **typed)
    (planned,) = record_of(mug.id).planned
    assert f"{planned.starts_at:%Y-%m-%d %H:%M}" == "2026-11-22 18:30"  # midnight in India
    assert "23 Nov 2026, 00:00" in page.words
    page = desk.submit(page, f"#plan-{planned.id}", htmx=htmx)
    assert record_of(mug.id).planned == ()
    assert page.all("#plans table") == []


def test_a_price_called_off_twice_is_told_so(desk: Pages) -> None:
    mug = make_product()
    page = desk.submit(open_product(desk, mug), "#plan-form", price="450", starts_at="2026-11-23T00:00")
    (planned,) = record_of(mug.id).planned
    desk.submit(page, f"#plan-{planned.id}")
    refused = desk.submit(page, f"#plan-{planned.id}", status=409)
    assert "Nothing was changed: this price is over or called off." in refused.words


@pytest.mark.parametrize(
    ("typed", "words"),
    [
        ({"starts_at": "2026-11-20T00:00"}, "That is past"),
        ({"starts_at": "soon"}, "Enter a day and time"),
        ({"starts_at": "2026-13-45T99:99"}, "Enter a day and time"),
        ({"price": "free"}, "Enter a price such as 499"),
        ({"ends_at": "2026-11-22T23:59"}, "It must end after it begins"),
    ],
)
def test_a_plan_that_makes_no_sense_comes_back_as_typed(desk: Pages, typed: dict[str, str], words: str) -> None:
    mug = make_product()
    given = {"price": "450", "starts_at": "2026-11-23T00:00", **typed}
    refused = desk.submit(open_product(desk, mug), "#plan-form", status=422, **given)
    assert words in refused.words
    assert value(refused, "starts_at") == given["starts_at"]


# ----------------------------------------------------------------------------------------------- the list


def test_the_list_is_searched_and_filtered(desk: Pages) -> None:
    hidden = make_product(name="Zephyr Shirt")
    catalog_products.admin.set_published([hidden.id], False, actor="tests")
    page = desk.submit(desk.get(DESK), "#products-search", q=hidden.sku)
    assert "Hidden" in page.one(f"#product-{hidden.id}").get_text()
    fragment = desk.submit(page, "#products-search", htmx=True, q="nothing like that at all")
    assert "Nothing matches" in fragment.words
    assert page.one("#show-hidden").get_text().split()[-1] == "1"


def bulk_page(desk: Pages, *products: ProductCard, **asked: str) -> Page:
    ticked = "&".join(f"product={product.id}" for product in products)
    query = "&".join(f"{name}={value}" for name, value in asked.items())
    return desk.get(f"{DESK}/changes?{ticked}&{query}")


def test_prices_of_ticked_products_are_looked_at_then_changed(desk: Pages) -> None:
    mug, jar = make_product(price=500), make_product(price=300)
    page = bulk_page(desk, mug, jar, act="percent", figure="-10", ending="99")
    assert "₹500 → ₹449.99" in page.words
    assert record_of(mug.id).variants[0].price == rupees(500)
    done = desk.submit(page, "#changes-form")
    assert "2 prices changed" in done.words
    assert record_of(jar.id).variants[0].price == rupees("269.99")
    again = desk.submit(page, "#changes-form")
    assert "This was done already" in again.words
    assert record_of(jar.id).variants[0].price == rupees("269.99")


def test_a_price_changed_while_one_looked_is_pointed_out(desk: Pages) -> None:
    mug, jar = make_product(price=500), make_product(price=300)
    page = bulk_page(desk, mug, jar, act="amount", figure="20")
    change(mug.id, variants=variants(record_of(mug.id), only=priced(550)))
    refused = desk.submit(page, "#changes-form", status=409)
    assert "Nothing was changed: 1 price is other than what was looked at." in refused.words
    assert "₹550 → ₹570 Changed meanwhile" in refused.words
    assert record_of(jar.id).variants[0].price == rupees(300)
    desk.submit(refused, "#changes-form")
    assert record_of(mug.id).variants[0].price == rupees(570)


@pytest.mark.parametrize("figure", ["", "many", "0", "-100", "1e9", "5.555"])
def test_a_figure_that_is_none_is_explained(desk: Pages, figure: str) -> None:
    mug = make_product()
    refused = desk.get(f"{DESK}/changes?product={mug.id}&act=percent&figure={figure}", status=422)
    assert refused.all("#changes-problem")
    assert refused.all("#changes-form") == []


def test_a_price_that_would_be_nothing_cannot_be_applied(desk: Pages) -> None:
    mug = make_product(price=500)
    page = bulk_page(desk, mug, act="amount", figure="-500")
    assert "No price" in page.words
    assert page.all("#changes-apply") == []


def test_ticked_products_are_hidden_together(desk: Pages) -> None:
    mug, jar = make_product(), make_product()
    desk.submit(bulk_page(desk, mug, jar, act="hide"), "#changes-form")
    assert listing.cards_of([mug.id, jar.id]) == ()
    assert "No product was ticked." in desk.get(f"{DESK}/changes?act=hide", status=422).words


# ----------------------------------------------------------------------------------------------- categories


def test_a_category_is_opened_renamed_and_its_old_address_leads_on(desk: Pages) -> None:
    typed = {"name": "Toys & Games", "description": "To play with.", "hue": "300", "position": "1"}
    page = desk.submit(desk.get(f"{DESK}/categories"), "#category-form", **typed)
    assert "Toys & Games is open" in page.words
    toys = category_id("toys-games")
    desk.submit(desk.get(f"{DESK}/categories/{toys}"), "#category-form", name="Playthings", slug="playthings")
    moved = desk.client.get("/category/toys-games?sort=rating&endpoint=x&slug=y")
    assert (moved.status_code, moved.location) == (301, "/category/playthings?sort=rating&endpoint=x&slug=y")
    assert desk.client.get("/category/never-compare_at_price").status_code == 404
    page = desk.submit(desk.get(f"{DESK}/categories/{toys}"), "#removal")
    assert "Playthings is removed" in page.words


@pytest.mark.parametrize(
    ("typed", "words"),
    [
        ({"name": ""}, "Enter a name"),
        ({"name": "books"}, "Another category is called so"),
        ({"slug": "books"}, "Another category has this address"),
        ({"slug": "/books"}, "Use small letters"),
        ({"hue": "361"}, "Enter a whole number from 0 to 360"),
        ({"position": "first"}, "Enter a whole number from 1 to 999"),
    ],
)
def test_a_category_that_cannot_stand_comes_back_as_typed(desk: Pages, typed: dict[str, str], words: str) -> None:
    given = {"name": "Toys", "description": "To play with.", **typed}
    refused = desk.submit(desk.get(f"{DESK}/categories"), "#category-form", status=422, **given)
    assert words in refused.words
    assert value(refused, "description") == "To play with."


def test_a_category_in_use_cannot_be_removed(desk: Pages) -> None:
    toys = desk.submit(desk.get(f"{DESK}/categories"), "#category-form", name="Toys")
    assert toys.status == 200
    page = desk.get(f"{DESK}/categories/{category_id('toys')}")
    make_product(category="toys")
    refused = desk.submit(page, "#removal", status=409)
    assert "Nothing was removed: 1 product stands in it" in refused.words


def test_a_category_changed_meanwhile_is_shown_beside_what_was_typed(desk: Pages) -> None:
    books = category_id("books")
    page = desk.get(f"{DESK}/categories/{books}")
    desk.submit(page, "#category-form", description="To read.")
    refused = desk.submit(page, "#category-form", status=409, description="To look at.")
    assert refused.one("#description-now").get_text() == "There is now: To read."
    desk.submit(refused, "#category-form")
    assert catalog_products.admin.get_category(books).description == "To look at."


def test_the_page_of_a_planned_price_stays_right_when_it_begins(desk: Pages, now: Clock) -> None:
    mug = make_product()
    page = desk.submit(open_product(desk, mug), "#plan-form", price="450", starts_at="2026-11-22T18:00")
    now.advance(minutes=45)
    catalog_products.admin.apply_prices()
    refused = desk.submit(page, "#product-form", status=409, **{"variant-0-price": "480"})
    assert refused.one("#variant-0-price-now").get_text() == "Price now: 450.00"
