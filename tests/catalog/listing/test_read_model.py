"""The read model follows from its sources after any sequence of changes."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from contextlib import ExitStack, suppress
from dataclasses import replace
from datetime import date, timedelta
from decimal import ROUND_HALF_UP, Decimal
from typing import Any

import pytest
import sqlalchemy as sa
from flask import Flask
from hypothesis import Phase
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from storefront.catalog import inventory
from storefront.catalog import products as catalog_products
from storefront.catalog import reviews as catalog_reviews
from storefront.catalog.listing.read_model import ProductTotals, VariantFacts, lock_products, refresh, totals_of
from storefront.catalog.models import BrowseEntry, Category, Product, ProductCategory, Review, Variant, product_search
from storefront.catalog.products import NewProduct, NewReview, NewVariant
from storefront.catalog.products.admin import BulkAct, BulkChange, VariantDraft, VariantState
from storefront.catalog.reviews.reviews import Author, ReviewDraft
from storefront.catalog.search.words import words_of
from storefront.catalog.values import Hold, Sku
from storefront.core import gtin
from storefront.core.clock import utc_now
from storefront.core.errors import DomainError
from storefront.db.session import read_session, transaction
from tests.conftest import rolled_back
from tests.factories.catalog import make_product, rupees
from tests.factories.products import KEEPER, category_id, change, new_key, record_of
from tests.factories.stock import CLERK, adjust, change_of, receive
from tests.fakes import Clock
from tests.stateful import run_machine

PLACES = ("electronics", "home-living", "books")
CHECKOUTS = 3
ReadModel = dict[str, Any]


# ------------------------------------------------------------------------------------------- stored and computed


def stored(product_ids: Sequence[int]) -> ReadModel:
    """Read the stored read model of products: of each product, variant and listing, and the search index."""
    read_session().rollback()
    totals = (Product.price, Product.compare_at_price, Product.stock, Product.price_varies)
    products = (Product.id, *totals, Product.average_rating)
    entries = (BrowseEntry.product_id, BrowseEntry.category_id, *_entry)
    words = _rows(product_ids, product_search.c.product_id, product_search.c.product_id, product_search.c.words)
    return {
        "products": {row[0]: tuple(row[1:]) for row in _rows(product_ids, Product.id, *products)},
        "variants": {
            row[0]: tuple(row[1:])
            for row in _rows(product_ids, Variant.product_id, Variant.id, Variant.title, Variant.is_sellable)
        },
        "entries": {(row[0], row[1]): tuple(row[2:]) for row in _rows(product_ids, BrowseEntry.product_id, *entries)},
        "words": {row.product_id: [word.rstrip("_") for word in row.words.split()] for row in words},
    }


_entry = (BrowseEntry.brand, BrowseEntry.price, BrowseEntry.rating, BrowseEntry.popularity, BrowseEntry.in_stock)


def computed(product_ids: Sequence[int]) -> ReadModel:
    """Compute the same from its sources, with none of the shop's code but its definition of a word."""
    read_session().rollback()
    variants, places, stars = defaultdict(list), defaultdict(list), defaultdict(list)
    for variant in _rows(product_ids, Variant.product_id, *Variant.__table__.columns):
        variants[variant.product_id].append(variant)
    categories = {row.id: row for row in _rows((), None, *Category.__table__.columns)}
    for product_id, place in _rows(product_ids, ProductCategory.product_id, *ProductCategory.__table__.columns):
        places[product_id].append(categories[place])
    for review in _rows(product_ids, Review.product_id, Review.product_id, Review.rating, Review.is_hidden):
        stars[review.product_id] += [] if review.is_hidden else [review.rating]
    made: ReadModel = {"products": {}, "variants": {}, "entries": {}, "words": {}}
    for product in _rows(product_ids, Product.id, *Product.__table__.columns):
        mine = sorted(variants[product.id], key=lambda variant: (variant.sort_order, variant.id))
        lists = sorted(places[product.id], key=lambda place: (place.sort_order, place.id))
        rating = _average(stars[product.id])
        price, compare_at_price, stock, varies = _totals(mine)
        made["products"][product.id] = (price, compare_at_price, stock, varies, rating)
        for v in mine:
            title = product.name + (", " if v.name else "") + v.name
            made["variants"][v.id] = (title, bool(product.active and not v.is_withdrawn))
        for place in [0, *(place.id for place in lists)] if product.active else []:
            made["entries"][product.id, place] = (product.brand, price, rating, product.popularity, stock > 0)
        made["words"][product.id] = _words(product, mine, [place.name for place in lists])
    return made


def _rows(product_ids: Sequence[int], of: Any, *columns: Any) -> Sequence[sa.Row[Any]]:
    """Select columns of products.

    :param of: the column with the product's id
    """
    chosen = sa.select(*columns).where(of.in_(product_ids)) if product_ids else sa.select(*columns)
    return read_session().execute(chosen, bind_arguments={"mapper": Product}).all()


def _totals(variants: Sequence[sa.Row[Any]]) -> tuple[int, int | None, int, bool]:
    counted = [variant for variant in variants if not variant.is_withdrawn]
    priced = [variant for variant in counted if variant.on_hand > variant.reserved] or counted or variants
    prices = [variant.price for variant in priced]
    first = next(variant for variant in priced if variant.price == min(prices))
    stock = sum(variant.on_hand - variant.reserved for variant in counted)
    return min(prices), first.compare_at_price, stock, min(prices) < max(prices)


def _average(stars: Sequence[int]) -> Decimal:
    average = Decimal(sum(stars)) / len(stars) if stars else Decimal(0)
    return average.quantize(Decimal("0.01"), ROUND_HALF_UP)


def _words(product: sa.Row[Any], variants: Iterable[sa.Row[Any]], categories: Sequence[str]) -> list[str]:
    codes = {product.sku} | {code for v in variants for code in (v.sku, v.barcode) if code}
    spellings = {spelling for code in codes for spelling in gtin.spellings(code)}
    return words_of(" ".join([product.name, product.brand, *sorted(spellings), *categories, product.description]))


# ---------------------------------------------------------------------------------------------- operations

which = st.integers(0, 9)
prices = st.sampled_from([1, 5, 5, 10, 99])
units = st.integers(0, 3)
chance = st.booleans()


class ShopMachine(RuleBasedStateMachine):
    """Every operation that can change a listing; operations that are impossible at the moment must be refused."""

    app: Flask
    clock: Clock

    def __init__(self) -> None:
        super().__init__()
        self.around = ExitStack()
        self.around.enter_context(rolled_back(self.app))
        mug = make_product(name="Mug", stock=2)
        tee = make_product(name="Tee", options=(("S", 0), ("M", 1), ("L", 2)))
        self.product_ids = [mug.id, tee.id]
        self.number = 0
        self.edit_variant(1, 2, 1, False, VariantState.WITHDRAWN)  # the cheapest of them

    def teardown(self) -> None:
        with self.around:
            assert stored(()) == computed(())  # the other products, too

    @invariant()
    def read_model_follows_from_its_sources(self) -> None:
        assert stored(self.product_ids) == computed(self.product_ids)

    # ------------------------------------------------------------------------------------ products

    @rule(
        offers=st.lists(st.tuples(prices, units, chance), min_size=1, max_size=3),
        stars=st.lists(st.integers(1, 5), max_size=3),
        is_published=chance,
    )
    def create(self, offers: list[tuple[int, int, bool]], stars: list[int], is_published: bool) -> None:
        number = self._next()
        sku = Sku(f"NEW-{number}")
        variants = [
            NewVariant(
                Sku(f"{sku}-{i}"),
                f"No. {i}",
                rupees(price),
                stock,
                compare_at_price=rupees(price + 1) if compare_at_price else None,
            )
            for i, (price, stock, compare_at_price) in enumerate(offers)
        ]
        reviews = [NewReview(i, "", given, "", "", False, 0, utc_now()) for i, given in enumerate(stars, start=90)]
        new = NewProduct(
            sku,
            f"Thing {number}",
            "Loom",
            "It is new.",
            PLACES[number % 3 :][::-1],
            tuple(variants),
            date(2026, 11, 1),
            option_name="No.",
            compare_at_price=rupees(200),
            reviews=tuple(reviews),
            popularity=number,
            is_published=is_published,
        )
        self.product_ids += catalog_products.add_products([new], actor=KEEPER)

    @rule(what=which, name=st.sampled_from(["Mug", "MUG", "Jar"]), brand=st.sampled_from(["Kiln", "kiln", "Ø"]))
    def rename(self, what: int, name: str, brand: str) -> None:
        self._change(what, name=name, brand=brand)

    @rule(what=which, places=st.lists(st.sampled_from(PLACES), min_size=1, unique=True))
    def move(self, what: int, places: list[str]) -> None:
        self._change(what, categories=tuple(category_id(slug) for slug in places))

    @rule(what=which, one=which, price=prices, has_was=chance, state=st.sampled_from(VariantState))
    def edit_variant(self, what: int, one: int, price: int, has_was: bool, state: VariantState) -> None:
        drafts = [variant.draft for variant in record_of(self._product_id(what)).variants]
        compare_at_price = rupees(price + 50) if has_was else None
        place = one % len(drafts)
        drafts[place] = replace(drafts[place], price=rupees(price), compare_at_price=compare_at_price, state=state)
        self._change(what, variants=tuple(drafts))

    @rule(what=which, price=prices, stock=units, is_first=chance)
    def add_variant(self, what: int, price: int, stock: int, is_first: bool) -> None:
        drafts = [variant.draft for variant in record_of(self._product_id(what)).variants]
        number = self._next()
        new = VariantDraft(None, f"MORE-{number}", f"More {number}", rupees(price), stock=stock)
        self._change(what, variants=(new, *drafts) if is_first else (*drafts, new), option_name="No.")

    @rule(some=st.sets(which, max_size=3), is_published=chance)
    def publish(self, some: set[int], is_published: bool) -> None:
        catalog_products.admin.set_published({self._product_id(what) for what in some}, is_published, actor=KEEPER)

    @rule(some=st.sets(which, max_size=3), percent=st.sampled_from([-50, 10]))
    def reprice_many(self, some: set[int], percent: int) -> None:
        ids = {self._product_id(what) for what in some}
        by = BulkChange(BulkAct.PERCENT, Decimal(percent))
        seen = {line.variant_id: line.old.minor for line in catalog_products.admin.preview(ids, by)}
        with suppress(DomainError):
            catalog_products.admin.apply_bulk(ids, by, seen=seen, key=new_key(), actor=KEEPER)

    @rule(what=which, one=which, price=prices, hours=st.integers(1, 3))
    def schedule_price(self, what: int, one: int, price: int, hours: int) -> None:
        begin = utc_now() + timedelta(hours=1)
        variant = self._variant(what, one).id
        with suppress(DomainError):
            end = begin + timedelta(hours=hours)
            catalog_products.admin.schedule_price(variant, rupees(price), None, begin, end, actor=KEEPER)

    # -------------------------------------------------------------------------------------- stock

    @rule(what=which, one=which, delta=st.integers(-2, 3).filter(bool))
    def receive(self, what: int, one: int, delta: int) -> None:
        with suppress(DomainError):
            receive(self._variant(what, one).sku, delta)

    @rule(what=which, one=which, another=which, count=units, delta=st.integers(-2, 2))
    def count(self, what: int, one: int, another: int, count: int, delta: int) -> None:
        first, second = self._variant(what, one).sku, self._variant(what, another).sku
        changes = [change_of(first, count=count)]
        changes += [change_of(second, delta=delta)] if second != first and delta else []
        with suppress(DomainError):
            adjust(*changes)

    @rule(lines=st.dictionaries(st.tuples(which, which), st.integers(-2, 3), min_size=1, max_size=4), rival=chance)
    def import_file(self, lines: dict[tuple[int, int], int], rival: bool) -> None:
        """Check and apply a file.

        :param rival: whether units are reserved between the two
        """
        rows = {self._variant(*place).sku: delta for place, delta in lines.items() if delta}
        text = "\n".join(["sku,delta,reason", *(f"{sku},{delta},correction" for sku, delta in rows.items()), ""])
        read_session().rollback()
        import_id = inventory.admin.check_file(text.encode(), file_name="stock.csv", actor=CLERK)
        if rival:
            self.hold(0, *next(iter(lines)), 1)
        if inventory.admin.start_import(import_id, is_repeat=True):
            inventory.admin.apply_import(import_id)

    # ------------------------------------------------------------------------------------- shoppers

    @rule(who=st.integers(0, CHECKOUTS - 1), what=which, one=which, quantity=st.integers(1, 2))
    def hold(self, who: int, what: int, one: int, quantity: int) -> None:
        with suppress(DomainError):
            inventory.reserve(f"checkout-{who}", [Hold(Sku(self._variant(what, one).sku), quantity)])

    @rule(who=st.integers(0, CHECKOUTS - 1))
    def buy(self, who: int) -> None:
        inventory.commit_reservation(f"checkout-{who}")

    @rule(who=st.integers(0, CHECKOUTS - 1))
    def release(self, who: int) -> None:
        inventory.release(f"checkout-{who}")

    @rule(who=st.integers(0, CHECKOUTS - 1), reason=st.sampled_from(["cancellation", "return"]))
    def restock(self, who: int, reason: str) -> None:
        inventory.restock(f"checkout-{who}", reason=reason, actor="shop")

    @rule(what=which, stars=st.integers(1, 5), user=st.integers(1, 3))
    def review(self, what: int, stars: int, user: int) -> None:
        with suppress(DomainError):
            draft = ReviewDraft(stars, "So", "so.")
            catalog_reviews.write_review(self._product_id(what), Author(user, "Asha"), draft, is_verified=False)

    @rule(what=which, user=st.integers(1, 3))
    def delete_review(self, what: int, user: int) -> None:
        with suppress(DomainError):
            catalog_reviews.delete_review(self._product_id(what), user)

    @rule(minutes=st.sampled_from([20, 90]))
    def time_passes(self, minutes: int) -> None:
        self.clock.advance(minutes=minutes)
        inventory.release_expired()
        catalog_products.admin.apply_prices()

    # -------------------------------------------------------------------------------------------- helpers

    def _next(self) -> int:
        self.number += 1
        return self.number

    def _product_id(self, what: int) -> int:
        return self.product_ids[what % len(self.product_ids)]

    def _variant(self, what: int, one: int) -> Any:
        variants = record_of(self._product_id(what)).variants
        return variants[one % len(variants)]

    def _change(self, what: int, **facts: object) -> None:
        with suppress(DomainError):
            change(self._product_id(what), **facts)


def test_listings_are_right_after_any_sequence_of_changes(shop: Flask, now: Clock) -> None:
    run_machine(ShopMachine, shop, now, examples=12, steps=30, phases=[Phase.generate], derandomize=True)


@pytest.mark.long
def test_listings_are_right_after_long_sequences_of_changes(shop: Flask, now: Clock) -> None:
    run_machine(ShopMachine, shop, now, examples=300, steps=50, phases=list(Phase), derandomize=True)


# ---------------------------------------------------------------------------------------------- the rules


@pytest.mark.parametrize(
    ("variants", "totals"),
    [
        ([VariantFacts(500, None, 3)], ProductTotals(500, None, 3)),
        ([VariantFacts(500, None, 3), VariantFacts(400, 450, 2)], ProductTotals(400, 450, 5, price_varies=True)),
        ([VariantFacts(500, None, 3), VariantFacts(400, 450, 0)], ProductTotals(500, None, 3)),
        ([VariantFacts(500, None, 0), VariantFacts(400, 450, 0)], ProductTotals(400, 450, 0, price_varies=True)),
        ([VariantFacts(400, 450, 0), VariantFacts(400, 600, 1)], ProductTotals(400, 600, 1)),
        ([VariantFacts(400, 450, 1), VariantFacts(400, 600, 1)], ProductTotals(400, 450, 2)),
        ([VariantFacts(500, None, 3), VariantFacts(400, 450, 2, is_withdrawn=True)], ProductTotals(500, None, 3)),
        ([VariantFacts(500, None, 3, is_withdrawn=True)], ProductTotals(500, None, 0)),
    ],
    ids=[
        "one", "the cheapest", "one sold out", "all sold out", "the other of two as cheap", "the first of two as cheap",
        "one withdrawn", "all withdrawn",
    ],
)  # fmt: skip
def test_totals_follow_from_variants(variants: list[VariantFacts], totals: ProductTotals) -> None:
    """C7: the price is the lowest that can be bought."""
    assert totals_of(variants) == totals


def test_refreshing_many_products_takes_as_many_statements_as_one(app: Flask) -> None:
    product_ids = [make_product(options=(("S", 1), ("M", 2))).id for _ in range(20)]
    assert _statements_of_hiding(product_ids[:1]) == _statements_of_hiding(product_ids[1:])
    assert stored(product_ids) == computed(product_ids)


def _statements_of_hiding(product_ids: Sequence[int]) -> int:
    statements: list[str] = []

    def note(conn: Any, cursor: Any, statement: str, *rest: Any) -> None:
        statements.append(statement)

    with transaction("catalog") as session:
        lock_products(session, product_ids)
        hidden = sa.update(Product).where(Product.id.in_(product_ids)).values(active=False)
        session.execute(hidden.execution_options(synchronize_session=False))
        sa.event.listen(sa.engine.Engine, "before_cursor_execute", note)
        try:
            assert refresh(session, product_ids) == {}
        finally:
            sa.event.remove(sa.engine.Engine, "before_cursor_execute", note)
    return len(statements)


def test_refresh_returns_variants_that_come_on_sale_with_their_units(app: Flask) -> None:
    mug = make_product(options=(("S", 0), ("M", 2)))
    small, medium = (variant.id for variant in record_of(mug.id).variants)
    catalog_products.admin.set_published([mug.id], False, actor=KEEPER)
    with transaction("catalog") as session:
        lock_products(session, [mug.id])
        session.execute(sa.update(Product).where(Product.id == mug.id).values(active=True))
        assert refresh(session, [mug.id]) == {small: 0, medium: 2}
        assert refresh(session, [mug.id]) == {}
