"""Products in the staff area: create, change, schedule prices, with and without JavaScript."""

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

URL = "/staff/products"
BOTH_WAYS = pytest.mark.parametrize("htmx", [False, True], ids=["page", "htmx"])


@pytest.fixture
def staff_pages(pages: Pages) -> Pages:
    """The pages as stock staff."""
    pages.sign_in(make_staff(Role.STOCK_STAFF, email="keeper@example.com"))
    return pages


def open_product(staff_pages: Pages, product: ProductCard) -> Page:
    return staff_pages.get(f"{URL}/{product.id}")


def value(page: Page, field: str) -> str:
    control = page.one(f"#{field}")
    if control.name == "textarea":
        return control.get_text().strip()
    return str(control.get("value") or "")


def new_product_values(**fields: str) -> dict[str, str]:
    """Form values of a new product with one variant."""
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


def test_a_created_product_can_be_bought(staff_pages: Pages) -> None:
    page = staff_pages.submit(staff_pages.get(f"{URL}/new"), "#product-form", **new_product_values())
    assert page.one("h1").get_text() == "Enamel Mug"
    assert "Enamel Mug created" in page.one("#notices").get_text()
    product_id = int(page.url.rpartition("/")[2])
    shown = staff_pages.get(f"/product/{product_id}-enamel-mug")
    assert "₹499.50" in shown.words
    assert "Blue" in shown.words
    assert catalog_products.get_offer(record_of(product_id).variants[0].sku).available == 7  # type: ignore[arg-type]
    assert faults() == []


def test_creating_with_htmx_redirects_to_the_product(staff_pages: Pages) -> None:
    page = staff_pages.submit(
        staff_pages.get(f"{URL}/new"), "#product-form", htmx=True, status=204, **new_product_values()
    )
    assert page.response.headers["HX-Redirect"].startswith(f"{URL}/")


def test_a_product_submitted_twice_is_created_once(staff_pages: Pages) -> None:
    form = staff_pages.get(f"{URL}/new")
    first = staff_pages.submit(form, "#product-form", **new_product_values())
    assert staff_pages.submit(form, "#product-form", **new_product_values()).url == first.url


@BOTH_WAYS
def test_a_refused_product_keeps_everything_entered(staff_pages: Pages, htmx: bool) -> None:
    mug = make_product()
    typed = new_product_values(sku=mug.sku, **{"variant-0-price": "free", "description": "For camping."})
    page = staff_pages.submit(staff_pages.get(f"{URL}/new"), "#product-form", htmx=htmx, status=422, **typed)
    assert "Enter an amount such as 499 or 499.50" in page.words
    for field, text in typed.items():
        if field != "category":
            assert value(page, field) == text, field
    again = staff_pages.submit(page, "#product-form", htmx=htmx, status=422, **{"variant-0-price": "499"})
    assert "Another product has this SKU" in again.words
    assert value(again, "description") == "For camping."


@BOTH_WAYS
def test_rows_are_added_and_removed_without_saving(staff_pages: Pages, htmx: bool) -> None:
    page = staff_pages.submit(
        staff_pages.get(f"{URL}/new"), "#product-form", htmx=htmx, press="variant", **new_product_values()
    )
    assert len(page.all("#product-form [name$='-price']")) == 2
    assert (value(page, "name"), value(page, "variant-0-price")) == ("Enamel Mug", "499.50")
    page = staff_pages.submit(page, "#product-form", htmx=htmx, press="spec")
    assert len(page.all(".specs-table tbody tr")) == 2
    page = staff_pages.submit(page, "#product-form", htmx=htmx, press="variant-1")
    page = staff_pages.submit(page, "#product-form", htmx=htmx, press="spec-0")
    assert len(page.all("#product-form [name$='-price']")) == 1
    assert value(page, "spec-0-name") == ""
    assert [what for what, _, _ in acts() if what == "product created"] == []


def test_several_variants_need_names(staff_pages: Pages) -> None:
    two = {"variant-1-sku": "URL-L", "variant-1-option": "L", "variant-1-price": "550", "variant-0-sku": "URL-S"}
    page = staff_pages.submit(staff_pages.get(f"{URL}/new"), "#product-form", press="variant", **new_product_values())
    refused = staff_pages.submit(page, "#product-form", status=422, **two)
    assert "Enter what the variants differ in, such as Size" in refused.words
    assert "Enter a name that tells this variant from the others" in refused.words
    page = staff_pages.submit(refused, "#product-form", **{"option_name": "Size", "variant-0-option": "S"})
    assert [v.option for v in record_of(int(page.url.rpartition("/")[2])).variants] == ["S", "L"]


# ----------------------------------------------------------------------------------------------- changed


@BOTH_WAYS
def test_a_product_is_changed(staff_pages: Pages, htmx: bool) -> None:
    mug = make_product(name="Clay Mug")
    typed = {"name": "Brass Mug", "variant-0-price": "₹ 1,450", "variant-0-compare_at_price": "1600"}
    page = staff_pages.submit(open_product(staff_pages, mug), "#product-form", htmx=htmx, **typed)
    spoken = page.one("#announcement" if htmx else "#notices").get_text().strip()
    assert spoken == "Saved"
    assert page.one("h1").get_text() == "Brass Mug"
    assert value(page, "variant-0-price") == "1450.00"
    (card,) = listing.cards_of([mug.id])
    assert (card.price, card.compare_at_price) == (rupees(1450), rupees(1600))
    assert ("price", mug.sku, "INR 500.00 to INR 1450.00 (was 1600.00)") in acts()


def test_a_new_name_suggests_a_new_slug(staff_pages: Pages) -> None:
    mug = make_product(name="Clay Mug")
    page = staff_pages.submit(open_product(staff_pages, mug), "#product-form", name="Brass Mug")
    assert value(page, "slug") == "clay-mug"
    assert "Generated from the name: brass-mug" in page.words
    page = staff_pages.submit(page, "#product-form", press="1")
    assert value(page, "slug") == "brass-mug"
    staff_pages.submit(page, "#product-form")
    moved = staff_pages.client.get(f"/product/{mug.id}-clay-mug?stars=5")
    assert (moved.status_code, moved.location) == (301, f"/product/{mug.id}-brass-mug?stars=5")


@BOTH_WAYS
def test_a_conflicting_change_is_shown_beside_ones_own_and_not_overwritten(staff_pages: Pages, htmx: bool) -> None:
    mug = make_product(name="Clay Mug")
    page = open_product(staff_pages, mug)
    change(mug.id, name="Brass Mug", variants=variants(record_of(mug.id), only=priced(650)))
    typed = {"name": "Tin Mug", "variant-0-price": "700"}
    refused = staff_pages.submit(page, "#product-form", htmx=htmx, status=409, **typed)
    assert "Nothing was saved: somebody else changed this product" in refused.words
    assert refused.one("#name-now").get_text() == "Current value: Brass Mug"
    assert refused.one("#variant-0-price-now").get_text() == "Price, current value: 650.00"
    assert (value(refused, "name"), value(refused, "variant-0-price")) == ("Tin Mug", "700")
    assert record_of(mug.id).name == "Brass Mug"
    staff_pages.submit(refused, "#product-form", htmx=htmx)  # knowing it
    assert (record_of(mug.id).name, record_of(mug.id).variants[0].price) == ("Tin Mug", rupees(700))


def test_a_variant_somebody_added_meanwhile_is_kept(staff_pages: Pages) -> None:
    shirt = make_product(options=(("S", 1), ("M", 1)))
    page = open_product(staff_pages, shirt)
    staff_pages.submit(
        staff_pages.submit(open_product(staff_pages, shirt), "#product-form", press="variant"),
        "#product-form",
        **{"variant-2-sku": "URL-L", "variant-2-option": "L", "variant-2-price": "550"},
    )
    refused = staff_pages.submit(page, "#product-form", status=409, name="Shirt")
    assert "URL-L" in refused.words
    staff_pages.submit(refused, "#product-form")
    assert [variant.option for variant in record_of(shirt.id).variants] == ["S", "M", "L"]


@pytest.mark.parametrize(
    ("typed", "words"),
    [
        ({"name": " "}, "Enter a name"),
        ({"name": "x" * 501}, "Use at most 500 characters"),
        ({"slug": "Clay Mug!"}, "Use lowercase letters, digits and single hyphens"),
        ({"description": "x" * 16_001}, "Use at most 16,000 characters"),
        ({"variant-0-price": "0"}, "Enter an amount from 0.01 to 99,99,99,99,999.99"),
        ({"variant-0-price": "1.005"}, "can mean 1,005 or 1.005"),
        ({"variant-0-price": "499,5"}, "can mean 4,995 or 499.50"),
        ({"variant-0-price": "-5"}, "Enter an amount such as 499 or 499.50"),
        ({"variant-0-compare_at_price": "400"}, "The compare-at price must be higher than the price"),
        ({"variant-0-barcode": "12"}, "A barcode has 8, 12, 13 or 14 digits"),
        ({"variant-0-barcode": "5012345678901"}, "its last digit must fit the others"),  # D5
        ({"variant-0-state": "off"}, "At least one variant must be active"),
        ({"spec-0-name": "Colour"}, "Enter a value, or clear the name"),
        ({"spec-0-value": "Blue"}, "Enter a name"),
    ],
)
def test_an_invalid_value_is_explained_at_its_field(staff_pages: Pages, typed: dict[str, str], words: str) -> None:
    mug = make_product()
    refused = staff_pages.submit(open_product(staff_pages, mug), "#product-form", status=422, **typed)
    assert words in refused.words
    assert record_of(mug.id).version == 1


def test_input_is_escaped(staff_pages: Pages) -> None:
    mug = make_product()
    markup = "<b onclick=alert(1)>Mug</b>"
    page = staff_pages.submit(
        open_product(staff_pages, mug), "#product-form", name=markup, description=f"one\n{markup}"
    )
    assert page.one("h1").get_text() == markup
    assert page.all("b[onclick]") == []
    assert staff_pages.get(f"/product/{mug.id}-x").all("b[onclick]") == []


@BOTH_WAYS
def test_a_product_is_hidden_and_published(staff_pages: Pages, htmx: bool) -> None:
    mug = make_product()
    page = staff_pages.submit(open_product(staff_pages, mug), "#publication", htmx=htmx)
    assert "Publish" in page.words
    assert staff_pages.client.get(f"/product/{mug.id}-clay-mug").status_code == 404
    staff_pages.submit(page, "#publication", htmx=htmx)
    assert staff_pages.client.get(f"/product/{mug.id}-clay-mug").status_code == 200


def test_an_unknown_product_is_not_found(staff_pages: Pages) -> None:
    for url in (f"{URL}/2147483647", f"{URL}/categories/2147483647"):
        staff_pages.get(url, status=404)


# ----------------------------------------------------------------------------------------- prices to come


@BOTH_WAYS
def test_a_price_is_scheduled_in_the_shops_time_zone_and_cancelled(staff_pages: Pages, htmx: bool) -> None:
    mug = make_product()
    typed = {"price": "450", "compare_at_price": "500", "starts_at": "2026-11-23T00:00", "ends_at": "2026-11-30T00:00"}
    page = staff_pages.submit(open_product(staff_pages, mug), "#price-form", htmx=htmx, **typed)
    (planned,) = record_of(mug.id).planned
    assert f"{planned.starts_at:%Y-%m-%d %H:%M}" == "2026-11-22 18:30"  # midnight in India
    assert "23 Nov 2026, 00:00" in page.words
    page = staff_pages.submit(page, f"#price-{planned.id}", htmx=htmx)
    assert record_of(mug.id).planned == ()
    assert page.all("#scheduled-prices table") == []


def test_cancelling_a_price_twice_says_so(staff_pages: Pages) -> None:
    mug = make_product()
    page = staff_pages.submit(open_product(staff_pages, mug), "#price-form", price="450", starts_at="2026-11-23T00:00")
    (planned,) = record_of(mug.id).planned
    staff_pages.submit(page, f"#price-{planned.id}")
    refused = staff_pages.submit(page, f"#price-{planned.id}", status=409)
    assert "Nothing was changed: this scheduled price has ended or was cancelled." in refused.words


@pytest.mark.parametrize(
    ("typed", "words"),
    [
        ({"starts_at": "2026-11-20T00:00"}, "Choose a time in the future"),
        ({"starts_at": "soon"}, "Enter a date and time"),
        ({"starts_at": "2026-13-45T99:99"}, "Enter a date and time"),
        ({"price": "free"}, "Enter an amount such as 499 or 499.50"),
        ({"price": ""}, "Enter a price such as 499 or 499.50"),
        ({"price": "12,50"}, "can mean 1,250 or 12.50"),
        ({"compare_at_price": "12,50"}, "can mean 1,250 or 12.50"),
        ({"ends_at": "2026-11-22T23:59"}, "The end must be after the start"),
    ],
)
def test_an_invalid_scheduled_price_keeps_what_was_entered(
    staff_pages: Pages, typed: dict[str, str], words: str
) -> None:
    mug = make_product()
    given = {"price": "450", "starts_at": "2026-11-23T00:00", **typed}
    refused = staff_pages.submit(open_product(staff_pages, mug), "#price-form", status=422, **given)
    assert words in refused.words
    assert value(refused, "starts_at") == given["starts_at"]


# ----------------------------------------------------------------------------------------------- the list


def test_the_list_is_searched_and_filtered(staff_pages: Pages) -> None:
    hidden = make_product(name="Zephyr Shirt")
    catalog_products.admin.set_published([hidden.id], False, actor="tests")
    page = staff_pages.submit(staff_pages.get(URL), "#products-search", q=hidden.sku)
    assert "Hidden" in page.one(f"#product-{hidden.id}").get_text()
    fragment = staff_pages.submit(page, "#products-search", htmx=True, q="nothing like that at all")
    assert "No products match" in fragment.words
    assert page.one("#show-hidden").get_text().split()[-1] == "1"


def bulk_page(staff_pages: Pages, *products: ProductCard, **asked: str) -> Page:
    ticked = "&".join(f"product={product.id}" for product in products)
    query = "&".join(f"{name}={value}" for name, value in asked.items())
    return staff_pages.get(f"{URL}/changes?{ticked}&{query}")


def test_prices_of_selected_products_are_previewed_then_changed(staff_pages: Pages) -> None:
    mug, jar = make_product(price=500), make_product(price=300)
    page = bulk_page(staff_pages, mug, jar, act="percent", figure="-10", ending="99")
    assert "₹500 → ₹449.99" in page.words
    assert record_of(mug.id).variants[0].price == rupees(500)
    done = staff_pages.submit(page, "#changes-form")
    assert "2 prices changed" in done.words
    assert record_of(jar.id).variants[0].price == rupees("269.99")
    again = staff_pages.submit(page, "#changes-form")
    assert "This change was already made" in again.words
    assert record_of(jar.id).variants[0].price == rupees("269.99")


def test_a_price_changed_since_the_preview_is_marked(staff_pages: Pages) -> None:
    mug, jar = make_product(price=500), make_product(price=300)
    page = bulk_page(staff_pages, mug, jar, act="amount", figure="20")
    change(mug.id, variants=variants(record_of(mug.id), only=priced(550)))
    refused = staff_pages.submit(page, "#changes-form", status=409)
    assert "Nothing was changed: 1 price changed since the preview." in refused.words
    assert "₹550 → ₹570 Changed since the preview" in refused.words
    assert record_of(jar.id).variants[0].price == rupees(300)
    staff_pages.submit(refused, "#changes-form")
    assert record_of(mug.id).variants[0].price == rupees(570)


@pytest.mark.parametrize("figure", ["", "many", "0", "-100", "1e9", "5.555", "--5", "5,5", "1 0", "५"])
def test_an_invalid_figure_is_explained(staff_pages: Pages, figure: str) -> None:
    mug = make_product()
    refused = staff_pages.get(f"{URL}/changes?product={mug.id}&act=percent&figure={figure}", status=422)
    assert refused.all("#changes-problem")
    assert refused.all("#changes-form") == []


def test_a_price_of_zero_cannot_be_applied(staff_pages: Pages) -> None:
    mug = make_product(price=500)
    page = bulk_page(staff_pages, mug, act="amount", figure="-500")
    assert "No price" in page.words
    assert page.all("#changes-apply") == []


def test_selected_products_are_hidden_together(staff_pages: Pages) -> None:
    mug, jar = make_product(), make_product()
    staff_pages.submit(bulk_page(staff_pages, mug, jar, act="hide"), "#changes-form")
    assert listing.cards_of([mug.id, jar.id]) == ()
    assert "Select at least one product." in staff_pages.get(f"{URL}/changes?act=hide", status=422).words


# ----------------------------------------------------------------------------------------------- categories


def test_a_category_is_created_and_renamed_and_its_old_url_redirects(staff_pages: Pages) -> None:
    typed = {"name": "Toys & Games", "description": "To play with.", "hue": "300", "position": "1"}
    page = staff_pages.submit(staff_pages.get(f"{URL}/categories"), "#category-form", **typed)
    assert "Toys & Games created" in page.words
    toys = category_id("toys-games")
    staff_pages.submit(
        staff_pages.get(f"{URL}/categories/{toys}"), "#category-form", name="Playthings", slug="playthings"
    )
    moved = staff_pages.client.get("/category/toys-games?sort=rating&endpoint=x&slug=y")
    assert (moved.status_code, moved.location) == (301, "/category/playthings?sort=rating&endpoint=x&slug=y")
    assert staff_pages.client.get("/category/never-compare_at_price").status_code == 404
    page = staff_pages.submit(staff_pages.get(f"{URL}/categories/{toys}"), "#removal")
    assert "Playthings removed" in page.words


@pytest.mark.parametrize(
    ("typed", "words"),
    [
        ({"name": ""}, "Enter a name"),
        ({"name": "books"}, "Another category has this name"),
        ({"slug": "books"}, "Another category has this URL slug"),
        ({"slug": "/books"}, "Use lowercase letters"),
        ({"hue": "361"}, "Enter a whole number from 0 to 360"),
        ({"position": "first"}, "Enter a whole number from 1 to 999"),
    ],
)
def test_an_invalid_category_keeps_what_was_entered(staff_pages: Pages, typed: dict[str, str], words: str) -> None:
    given = {"name": "Toys", "description": "To play with.", **typed}
    refused = staff_pages.submit(staff_pages.get(f"{URL}/categories"), "#category-form", status=422, **given)
    assert words in refused.words
    assert value(refused, "description") == "To play with."


def test_a_category_in_use_cannot_be_removed(staff_pages: Pages) -> None:
    toys = staff_pages.submit(staff_pages.get(f"{URL}/categories"), "#category-form", name="Toys")
    assert toys.status == 200
    page = staff_pages.get(f"{URL}/categories/{category_id('toys')}")
    make_product(category="toys")
    refused = staff_pages.submit(page, "#removal", status=409)
    assert "Not removed: the category has 1 product" in refused.words


def test_a_conflicting_category_change_is_shown_beside_ones_own(staff_pages: Pages) -> None:
    books = category_id("books")
    page = staff_pages.get(f"{URL}/categories/{books}")
    staff_pages.submit(page, "#category-form", description="To read.")
    refused = staff_pages.submit(page, "#category-form", status=409, description="To look at.")
    assert refused.one("#description-now").get_text() == "Current value: To read."
    staff_pages.submit(refused, "#category-form")
    assert catalog_products.admin.get_category(books).description == "To look at."


def test_the_product_page_is_right_once_a_scheduled_price_starts(staff_pages: Pages, now: Clock) -> None:
    mug = make_product()
    page = staff_pages.submit(open_product(staff_pages, mug), "#price-form", price="450", starts_at="2026-11-22T18:00")
    now.advance(minutes=45)
    catalog_products.admin.apply_prices()
    refused = staff_pages.submit(page, "#product-form", status=409, **{"variant-0-price": "480"})
    assert refused.one("#variant-0-price-now").get_text() == "Price, current value: 450.00"


@pytest.mark.parametrize(
    ("typed", "words"),
    [
        ({"starts_at": "2027-03-28T02:30"}, "There is no 02:30 on this day: the clocks go forward to 03:00"),
        ({"ends_at": "2027-10-31T02:30"}, "02:30 comes twice on this day: the clocks go back"),
    ],
)
@BOTH_WAYS
def test_a_time_that_the_clocks_skip_or_repeat_is_named(
    staff_pages: Pages, monkeypatch: pytest.MonkeyPatch, typed: dict[str, str], words: str, htmx: bool
) -> None:
    """D10: a price planned for 02:30 in a night without 02:30 moved silently."""
    monkeypatch.setitem(staff_pages.app.config, "SHOP_TIMEZONE", "Europe/Berlin")
    mug = make_product()
    given = {"price": "450", "starts_at": "2026-11-23T00:00", **typed}
    refused = staff_pages.submit(open_product(staff_pages, mug), "#price-form", htmx=htmx, status=422, **given)
    assert words in refused.words
    assert value(refused, next(iter(typed))) == next(iter(typed.values()))
    assert record_of(mug.id).planned == ()


def test_the_trail_names_a_planned_time_in_the_time_zone_of_the_shop(staff_pages: Pages) -> None:
    """D10: the trail said UTC."""
    mug = make_product()
    staff_pages.submit(open_product(staff_pages, mug), "#price-form", price="450", starts_at="2026-11-23T00:00")
    assert acts()[-1][-1] == "INR 450.00 from 2026-11-23 00:00 IST"
