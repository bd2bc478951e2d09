"""Import of products, images, reviews and carts."""

from __future__ import annotations

from decimal import Decimal
from io import BytesIO

import pytest
from flask import Flask
from PIL import Image
from PIL.PngImagePlugin import PngInfo

from storefront.accounts.values import UserId
from storefront.cart import service as cart
from storefront.catalog import listing, products
from storefront.catalog import service as catalog
from storefront.catalog.values import BrowseCriteria, Sku, UnknownProduct
from storefront.core.money import Money
from tests.factories.stock import row_of, sell
from tests.legacy_import import old_shop as tables
from tests.legacy_import.conftest import Import
from tests.legacy_import.old_shop import OldShop

ASHA = UserId(7001)
LAMP = 5001
LAMP_SKU = Sku("SKU-OLD-5001")


def png(colour: str = "teal") -> bytes:
    sent = BytesIO()
    made_by = PngInfo()
    made_by.add_text("Author", "somebody who need not be known")
    Image.new("RGB", (40, 30), colour).save(sent, "PNG", pnginfo=made_by)
    return sent.getvalue()


def test_a_product_keeps_its_id_and_stands_in_its_categories(app: Flask, old: OldShop, read: Import) -> None:
    old.product(LAMP, price=Decimal("1499.50"), availability_status="PREORDER")
    old.add_all(tables.CATEGORIES, [{"id": 1, "name": "Lamps"}, {"id": 2, "name": "Books"}])
    old.add_all(tables.MEMBERSHIPS, [{"product_id": LAMP, "category_id": n} for n in (1, 2, 99)])
    old.add_all(
        tables.SPECS,
        [
            {"id": 1, "product_id": LAMP, "spec_name": "Größe", "spec_value": "40 cm"},
            {"id": 2, "product_id": LAMP, "spec_name": "grosse", "spec_value": "again"},
        ],
    )
    read()
    lamp = products.get_full_product(LAMP, reviews=9)
    assert (lamp.sku, lamp.name, lamp.price, lamp.stock) == (LAMP_SKU, "Lamp 5001", Money(149950, "INR"), 12)
    assert (lamp.categories, lamp.specs, lamp.is_preorder) == (("Lamps", "Books"), (("Größe", "40 cm"),), True)
    assert LAMP in {card.id for card in listing.browse(BrowseCriteria(category="lamps")).cards}


def test_imported_stock_is_one_ledger_movement(app: Flask, old: OldShop, read: Import) -> None:
    old.product(LAMP)
    read()
    assert list(catalog.stock_violations()) == []
    assert products.get_offer(LAMP_SKU).available == 12


def test_a_product_with_unlimited_stock_can_be_sold(app: Flask, old: OldShop, read: Import) -> None:
    old.product(LAMP, stock=999_999_999)
    read()
    sell(LAMP_SKU)
    assert row_of(LAMP_SKU).days_left == 30 * 999_999


def test_categories_in_other_letters_than_latin_ones_stay_apart(app: Flask, old: OldShop, read: Import) -> None:
    old.add(tables.CATEGORIES, id=71, name="लैंप")
    old.add(tables.CATEGORIES, id=72, name="कुर्सियाँ")
    read()
    assert {record.slug for record in products.admin.list_categories()} >= {"laimp", "kursiyam"}


def test_the_next_product_has_an_id_after_the_last_that_came(app: Flask, old: OldShop, read: Import) -> None:
    old.product(LAMP)
    read()
    new = products.NewProduct(
        Sku("NEW-1"), "New", "", "", (), (products.NewVariant(Sku("NEW-1"), "", Money(100, "INR"), 0),),
        published_on=tables.LONG_AGO.date(),
    )  # fmt: skip
    assert products.add_product(new, (), actor="somebody") > LAMP


def test_a_product_taken_off_sale_comes_and_stays_off(app: Flask, old: OldShop, read: Import) -> None:
    old.product(LAMP, active=False)
    read()
    with pytest.raises(UnknownProduct):
        products.get_full_product(LAMP, reviews=9)
    assert not products.offers_of([LAMP_SKU])[LAMP_SKU].is_sellable
    assert list(catalog.stock_violations()) == []


@pytest.mark.parametrize(
    ("row", "said"),
    [
        ({"price": None}, "its price is not an amount"),
        ({"price": Decimal(-1)}, "its price is negative or too large"),
        ({"price": Decimal(0)}, "it has no price"),
        ({"currency": "USD"}, "its price is not in INR"),
        ({"name": " "}, "it has no name"),
        ({"sku": "sku-book-evelyn"}, "another product or variant carries its SKU"),
        ({"sku": "02000005800016"}, "another product or variant carries its SKU"),  # D5: a barcode, with a 0 more
        ({"sku": "4242424242424242"}, "or is a card number"),
        ({"id": 5}, "another product here has its id"),
    ],
)
def test_unsellable_products_are_skipped(
    app: Flask, old: OldShop, read: Import, row: dict[str, object], said: str
) -> None:
    old.product(**{"id": LAMP} | row)  # type: ignore[arg-type]
    result = read().output
    assert f"{said}: 1 (id " in result
    assert LAMP not in catalog.legacy_import.arrived_products([LAMP])


@pytest.mark.parametrize(
    ("row", "said"),
    [
        ({"price": Decimal("1499.0050")}, "its price had more than two decimals: rounded half up"),
        ({"stock": -3}, "its stock was invalid: set to 0"),
        ({"stock": 999_999_999}, "its stock was too large: set to 1,000,000"),
        ({"sku": None}, "it had no SKU: one was made from its id"),
        ({"description": "Paid with 4242 4242 4242 4242."}, "it contained a card number: redacted"),
    ],
)
def test_corrections_are_reported(app: Flask, old: OldShop, read: Import, row: dict[str, object], said: str) -> None:
    old.product(LAMP, **row)
    assert f"products: {said}: 1 (id 5001)" in read().output
    lamp = products.get_full_product(LAMP, reviews=9)
    assert lamp.price in {Money(149900, "INR"), Money(149901, "INR")}
    assert "4242" not in lamp.description


def test_images_are_reencoded_and_the_first_is_shown(app: Flask, old: OldShop, read: Import) -> None:
    old.product(LAMP)
    old.add(tables.IMAGES, id=1, product_id=LAMP, image_data=png(), alt_text="A lamp")
    read()
    ((number, source),) = products.get_full_product(LAMP, reviews=0).pictures
    answer = app.test_client().get(f"/api/products/image/{number}")
    assert catalog.get_product(LAMP).pictures[0].alt == "A lamp"
    assert source.startswith("/")
    assert b"somebody" in png()
    assert b"somebody" not in answer.data
    assert Image.open(BytesIO(answer.data)).size == (40, 30)
    assert "pictures                     1         0         1         0" in read().output


@pytest.mark.parametrize(
    ("row", "said"),
    [
        ({"image_data": b"<html>"}, "it is not a valid image, or too large"),
        ({"image_url": "https://pictures.example/1.png"}, "it is a URL of an external image"),
        ({}, "it has no data"),
        ({"image_data": png(), "product_id": 5}, "its product was not imported"),
        ({"image_data": png(), "product_id": None}, "its product was not imported"),
    ],
)
def test_unusable_images_are_skipped(app: Flask, old: OldShop, read: Import, row: dict[str, object], said: str) -> None:
    old.product(LAMP)
    old.add(tables.IMAGES, **{"id": 1, "product_id": LAMP} | row)
    assert f"pictures: {said}" in read().output
    assert catalog.get_product(LAMP).pictures == ()


def test_reviews_come_with_their_votes_and_make_the_rating(app: Flask, old: OldShop, read: Import) -> None:
    old.product(LAMP)
    for number, stars in ((1, 5), (2, 4), (3, 4)):
        old.user(7000 + number)
        old.review(number, LAMP, 7000 + number, rating=stars)
    old.order(1, ASHA, [(LAMP, 1, 1499.0)])
    read()
    lamp = products.get_full_product(LAMP, reviews=9)
    assert (lamp.rating, lamp.review_count) == (Decimal("4.33"), 3)
    assert {(review.user_id, review.is_verified) for review in lamp.reviews} == {
        (7001, True),  # got it, by an order that was delivered; what the old column says counts for nothing
        (7002, False),
        (7003, False),
    }
    assert lamp.reviews[0].helpful_count == 3
    assert list(catalog.review_violations()) == []


@pytest.mark.parametrize(
    ("row", "said"),
    [
        ({"rating": 6}, "its rating is not 1 to 5"),
        ({"rating": None}, "its rating is not 1 to 5"),
        ({"title": "", "comment": " "}, "it has no text"),
        ({"title": "x" * 501}, "its headline has more than"),
        ({"product": 5}, "its product is not here"),
        ({"user": 1}, "its author's account was not imported"),
    ],
)
def test_invalid_reviews_are_skipped(app: Flask, old: OldShop, read: Import, row: dict[str, object], said: str) -> None:
    old.user(ASHA)
    old.product(LAMP)
    old.review(**{"id": 1, "product": LAMP, "user": ASHA} | row)  # type: ignore[arg-type]
    assert f"reviews: {said}" in read().output
    assert products.get_full_product(LAMP, reviews=9).review_count == 0


def test_of_two_reviews_by_one_author_the_first_is_imported(app: Flask, old: OldShop, read: Import) -> None:
    old.user(ASHA)
    old.product(LAMP)
    old.review(1, LAMP, ASHA)
    old.review(2, LAMP, ASHA, rating=1)
    assert "reviews: its author has reviewed the product already: 1 (id 2)" in read().output
    assert products.get_full_product(LAMP, reviews=9).rating == 5


def test_cart_lines_are_imported(app: Flask, old: OldShop, read: Import) -> None:
    old.user(ASHA)
    old.product(LAMP)
    old.add(tables.CARTS, id=4, user_id=ASHA, updated_at=tables.ORDERED)
    old.add(tables.LINES, id=1, cart_id=4, product_id=LAMP, quantity=2, variant=None)
    read()
    (line,) = cart.quote(cart.cart_key_of(ASHA)).lines
    assert (line.sku, line.quantity) == (LAMP_SKU, 2)
    cart.remove_line(cart.cart_key_of(ASHA), line.id)
    read()
    assert cart.count_units(cart.cart_key_of(ASHA)) == 0


@pytest.mark.parametrize(
    ("row", "said"),
    [
        ({"product_id": 5}, "its product is not on sale here"),
        ({"product_id": 5002}, "its product is not on sale here"),
        ({"quantity": 0}, "its quantity is invalid"),
        ({"cart_id": 9}, "its user_id is missing or invalid"),
    ],
)
def test_unsellable_cart_lines_are_skipped(
    app: Flask, old: OldShop, read: Import, row: dict[str, object], said: str
) -> None:
    old.user(ASHA)
    old.product(LAMP)
    old.product(5002, active=False)
    old.add(tables.CARTS, id=4, user_id=ASHA, updated_at=tables.ORDERED)
    old.add(tables.LINES, **{"id": 1, "cart_id": 4, "product_id": LAMP, "quantity": 1} | row)
    assert f"cart lines: {said}: 1 (id 1)" in read().output
    assert cart.count_units(cart.cart_key_of(ASHA)) == 0
