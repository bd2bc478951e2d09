"""Home and product pages, offers, and the creation of products."""

from __future__ import annotations

from datetime import date
from decimal import Decimal

import pytest
import sqlalchemy as sa
from flask import Flask
from sqlalchemy.exc import IntegrityError

from storefront.catalog import inventory, listing, products
from storefront.catalog import service as catalog
from storefront.catalog.models import Product
from storefront.catalog.products import NewProduct, NewReview, NewVariant
from storefront.catalog.values import BrowseCriteria, Hold, Sku, Sort, UnknownProduct, UnknownSku
from storefront.cli.demo.catalogue import read
from storefront.db.session import transaction
from tests.conftest import NOON
from tests.factories.catalog import make_product, rupees
from tests.page_client import counted_selects

DEMO = read()["products"]


def withdraw(product_id: int) -> None:
    with transaction("catalog") as session:
        session.execute(sa.update(Product).where(Product.id == product_id).values(active=False))


def make_reviewed(*ratings: int) -> int:
    reviews = tuple(
        NewReview(number, f"Reader {number}", rating, "Title", "Comment", True, 0, NOON)
        for number, rating in enumerate(ratings, start=1)
    )
    sku = Sku("REVIEWED")
    product = NewProduct(
        sku=sku,
        name="Mug",
        brand="Kiln",
        description="",
        categories=("books", "beauty"),
        variants=(NewVariant(sku, "", rupees(500), 1),),
        published_on=date(2026, 11, 1),
        reviews=reviews,
    )
    products.add_products([product], actor="tests")
    return catalog.get_purchase_box(sku).product_id


def test_departments_are_in_the_order_of_the_navigation(app: Flask) -> None:
    names = [department.name for department in catalog.departments()]
    assert names == ["Electronics", "Fashion", "Home & Living", "Books", "Sports", "Beauty"]


def test_the_home_page_lists_popular_and_new_products_in_stock(app: Flask) -> None:
    home = catalog.home()
    in_stock = {row["name"] for row in DEMO if any(variant["stock"] for variant in row["variants"])}
    loved = sorted((row for row in DEMO if row["name"] in in_stock), key=lambda row: -row["loved"])
    assert [card.name for card in home.loved] == [row["name"] for row in loved[: len(home.loved)]]
    assert [card.id for card in home.newest] == sorted((card.id for card in home.newest), reverse=True)
    assert {card.name for card in (*home.loved, *home.newest)} <= in_stock


def test_cards_come_in_the_order_asked_for_without_what_is_not_on_sale(app: Flask) -> None:
    assert [card.id for card in catalog.get_cards([3, 999_999, 1])] == [3, 1]
    assert catalog.get_cards([]) == ()


def test_a_purchase_box_offers_its_variants_at_their_prices(app: Flask) -> None:
    mug = make_product(options=(("Blue", 5), ("Green", 0)))
    for option in ("Blue", "Green"):
        sku = Sku(f"{mug.sku}-{option}")
        assert catalog.get_purchase_box(sku).offer(sku) == products.get_offer(sku)
    with pytest.raises(UnknownSku):
        catalog.get_purchase_box(Sku(f"{mug.sku}-Blue")).offer("another")


def test_a_product_page_has_all_details(app: Flask) -> None:
    page = catalog.get_product(14)
    row = DEMO[13]
    assert (page.box.name, page.brand, page.box.option_name) == (row["name"], row["brand"], row["option"])
    assert [variant.sku for variant in page.box.variants] == [variant["sku"] for variant in row["variants"]]
    assert dict(page.specs) == row["specs"]
    assert [picture.alt for picture in page.pictures] == [picture["alt"] for picture in row["pictures"]]
    assert page.review_count == len(page.reviews) == len(row["reviews"])
    assert page.department.slug == "sports"


def test_reviews_are_newest_first_and_can_be_filtered_by_rating(app: Flask) -> None:
    everything = catalog.get_product(14).reviews
    assert [review.created_at for review in everything] == sorted(
        (review.created_at for review in everything), reverse=True
    )
    for stars in range(1, 6):
        narrowed = catalog.get_product(14, stars).reviews
        assert narrowed == tuple(review for review in everything if review.rating == stars)


def test_the_histogram_counts_all_reviews_whichever_are_shown(app: Flask) -> None:
    product_id = make_reviewed(5, 5, 4, 1)
    for stars in (None, 1, 2):
        bars = catalog.get_product(product_id, stars).histogram
        assert [(bar.stars, bar.count, bar.share) for bar in bars] == [
            (5, 2, 50),
            (4, 1, 25),
            (3, 0, 0),
            (2, 0, 0),
            (1, 1, 25),
        ]


@pytest.mark.parametrize(
    ("ratings", "average"), [((), "0.00"), ((5, 4), "4.50"), ((5, 5, 4), "4.67"), ((1, 1, 2), "1.33")]
)
def test_the_rating_is_the_average_of_the_reviews(app: Flask, ratings: tuple[int, ...], average: str) -> None:
    page = catalog.get_product(make_reviewed(*ratings))
    assert (page.rating, page.review_count) == (Decimal(average), len(ratings))


def test_related_products_are_of_the_same_department_and_in_stock(app: Flask) -> None:
    related = catalog.get_product(1).related
    assert len(related) == 4
    names = {row["name"]: row for row in DEMO}
    assert all("Electronics" in names[card.name]["categories"] and card.available for card in related)
    assert 1 not in {card.id for card in related}


def test_an_unknown_or_withdrawn_product_has_no_page(app: Flask) -> None:
    with pytest.raises(UnknownProduct):
        catalog.get_product(10**6)
    mug = make_product()
    withdraw(mug.id)
    with pytest.raises(UnknownProduct):
        catalog.get_product(mug.id)
    assert listing.cards_of([mug.id]) == ()


def test_an_offer_has_the_current_price_and_stock(app: Flask) -> None:
    mug = make_product(price="349.25", stock=5)
    inventory.reserve("another", [Hold(mug.sku, 2)])
    offer = products.get_offer(mug.sku)
    assert (offer.price, offer.available, offer.is_sellable, offer.title) == (rupees("349.25"), 3, True, "Clay Mug")


def test_an_offer_of_a_variant_has_its_option(app: Flask) -> None:
    mug = make_product(options=(("Blue", 5), ("Green", 1)))
    assert products.get_offer(Sku(f"{mug.sku}-Green")).title == "Clay Mug, Green"


def test_offers_of_many_skus_take_one_select(app: Flask) -> None:
    skus = [make_product().sku for _ in range(5)]
    with counted_selects() as counter:
        offers = products.offers_of([*skus, Sku("NO-SUCH-SKU")])
    assert (counter["selects"], set(offers)) == (1, set(skus))


def test_get_offer_refuses_what_is_off_sale_but_offers_of_returns_it(app: Flask) -> None:
    mug = make_product()
    withdraw(mug.id)
    for sku in (mug.sku, Sku("NO-SUCH-SKU")):
        with pytest.raises(UnknownSku):
            products.get_offer(sku)
        with pytest.raises(UnknownSku):
            catalog.get_purchase_box(sku)
    assert products.offers_of([mug.sku])[mug.sku].is_sellable is False


def test_a_product_costs_what_its_cheapest_variant_costs(app: Flask) -> None:
    (card,) = listing.cards_of([14])
    assert card.price == min(rupees(variant["price"]) for variant in DEMO[13]["variants"])
    assert card.available == sum(variant["stock"] for variant in DEMO[13]["variants"])


def test_products_are_listed_once_in_each_of_their_departments(app: Flask) -> None:
    product_id = make_reviewed()
    for category in (None, "books", "beauty"):
        cards = listing.browse(BrowseCriteria(category=category, sort=Sort.NEWEST)).cards
        assert [card.id for card in cards].count(product_id) == 1
    fashion = listing.browse(BrowseCriteria(category="fashion", sort=Sort.NEWEST)).cards
    assert product_id not in {card.id for card in fashion}


def test_ids_follow_the_order_given(app: Flask) -> None:
    def new(name: str) -> NewProduct:
        return NewProduct(
            sku=Sku(name),
            name=name,
            brand="",
            description="",
            categories=("books",),
            variants=(NewVariant(Sku(name), "", rupees(5), 0),),
            published_on=date(2026, 11, 1),
        )

    names = [f"NEW-{number}" for number in (3, 1, 2)]
    products.add_products([new(name) for name in names], actor="tests")
    ids = [catalog.get_purchase_box(Sku(name)).product_id for name in names]
    assert ids == sorted(ids)


def test_a_duplicate_sku_is_refused_with_its_whole_batch(app: Flask) -> None:
    before = listing.browse(BrowseCriteria()).total
    taken = Sku(DEMO[0]["sku"])
    variants = (NewVariant(Sku("FRESH-1"), "", rupees(5), 1), NewVariant(taken, "", rupees(5), 1))
    product = NewProduct(
        sku=Sku("FRESH"),
        name="Fresh",
        brand="",
        description="",
        categories=("books",),
        variants=variants,
        published_on=date(2026, 11, 1),
    )
    with pytest.raises(IntegrityError):
        products.add_products([product], actor="tests")
    assert listing.browse(BrowseCriteria()).total == before
    with pytest.raises(UnknownSku):
        products.get_offer(Sku("FRESH-1"))


def test_a_shop_with_products_is_not_empty(app: Flask) -> None:
    assert not catalog.is_empty()
