"""Creating and changing products: the read model follows, and concurrent changes are never overwritten."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import replace
from datetime import date

import pytest
import sqlalchemy as sa
from flask import Flask
from sqlalchemy.orm import Session

from storefront.catalog import inventory, listing, products
from storefront.catalog import service as catalog
from storefront.catalog.models import BrowseEntry, Product, Variant
from storefront.catalog.products import NewProduct, NewVariant
from storefront.catalog.products.admin import (
    DraftRefused,
    Problem,
    ProductConflict,
    ProductDraft,
    VariantDraft,
    VariantState,
    changes,
)
from storefront.catalog.values import Sku, UnknownProduct, UnknownSku
from storefront.db.session import read_session, transaction
from tests.factories.catalog import make_product, rupees
from tests.factories.products import (
    KEEPER,
    acts,
    category_id,
    change,
    coded,
    found_by,
    make_draft,
    new_key,
    priced,
    record_of,
    variants,
)
from tests.factories.stock import ledger_of, receive, row_of, sell

pytestmark = pytest.mark.usefixtures("_consistent_read_model")


def create(draft: ProductDraft, sku: str = "DESK-MUG", *, is_published: bool = True, key: str = "") -> int:
    return products.admin.create_product(sku, draft, is_published=is_published, key=key or new_key(), actor=KEEPER)


def problems_of(product_id: int, **facts: object) -> dict[str, Problem]:
    with pytest.raises(DraftRefused) as refused:
        change(product_id, **facts)
    return refused.value.problems


def column(column: sa.ColumnElement[object] | object, product_id: int) -> object:
    read_session().rollback()
    return read_session().scalar(sa.select(column).where(Product.id == product_id))  # type: ignore[call-overload]


# ----------------------------------------------------------------------------------------------- created


def test_a_product_is_created_with_its_read_model(app: Flask) -> None:
    product_id = create(make_draft("DESK-MUG"))
    record = record_of(product_id)
    assert (record.name, record.slug, record.sku, record.stock) == ("Enamel Mug", "enamel-mug", "DESK-MUG", 4)
    assert record.is_published
    page = catalog.get_product(product_id)
    assert (page.box.variants[0].price, page.specs) == (rupees(500), (("Colour", "Blue"),))
    assert found_by("enamel") == {product_id}
    assert acts()[-1] == ("product created", "DESK-MUG", "Enamel Mug, DESK-MUG INR 500.00, 4 units")


def test_initial_stock_is_a_movement(app: Flask) -> None:
    create(make_draft("DESK-MUG"))
    assert movements_of("DESK-MUG") == [(4, "initial", KEEPER)]


def movements_of(sku: str) -> list[tuple[int, str, str]]:
    listed = inventory.admin.list_movements(inventory.admin.LedgerCriteria(sku=sku))
    return [(movement.delta, movement.reason, movement.actor) for movement in listed.movements]


def test_a_product_may_be_created_hidden(app: Flask) -> None:
    product_id = create(make_draft("DESK-MUG"), is_published=False)
    with pytest.raises(UnknownProduct):
        catalog.get_product(product_id)
    assert found_by("enamel") == set()
    assert products.admin.set_published([product_id], True, actor=KEEPER) == 1
    assert found_by("enamel") == {product_id}
    assert str(column(Product.published_on, product_id)) == "2026-11-22"


def test_a_form_sent_twice_creates_one_product(app: Flask) -> None:
    key = new_key()
    assert create(make_draft("DESK-MUG"), key=key) == create(make_draft("DESK-MUG"), key=key)
    assert [entry for entry in acts() if entry[0] == "product created"] == [acts()[-1]]


def test_a_repeat_succeeds_when_the_first_request_ends_during_validation(
    app: Flask, monkeypatch: pytest.MonkeyPatch
) -> None:
    key, find_problems, first = new_key(), changes.find_problems, []

    def after_the_first_request(*args: object) -> dict[str, Problem]:
        if not first:
            first.append(0)
            first[0] = create(make_draft("DESK-MUG"), key=key)
        return find_problems(*args)  # type: ignore[arg-type]

    monkeypatch.setattr(changes, "find_problems", after_the_first_request)
    assert create(make_draft("DESK-MUG"), key=key) == first[0]


def test_skus_are_unique_ignoring_case(app: Flask) -> None:
    shirt = make_product(options=(("small", 3), ("Large", 4)))
    code = f"{shirt.sku}-LARGE"
    with pytest.raises(DraftRefused) as refused:
        create(make_draft(code), code)
    assert refused.value.problems == {"sku": Problem.SKU_TAKEN, "variants.0.sku": Problem.SKU_TAKEN}
    assert row_of(code).sku == f"{shirt.sku}-Large"


@pytest.mark.parametrize("names", [("Größe", "Grosse"), ("Fuß", "Fus"), ("🔴 Lamp", "🔵 Lamp")])
def test_specification_names_equal_by_collation_are_refused_or_distinct(app: Flask, names: tuple[str, str]) -> None:
    mug, specs = make_product(), tuple((name, "x") for name in names)

    def adding() -> int:
        return create(replace(make_draft("DESK-MUG"), specs=specs))

    def changing() -> int:
        return change(mug.id, specs=specs).id

    for act in (adding, changing):
        try:
            assert record_of(act()).specs == specs
        except DraftRefused as refusal:
            assert set(refusal.problems) <= {"specs.1.name", "specs"}  # noqa: PT017 - which, is the database's to say


def test_a_taken_sku_or_barcode_is_reported_at_its_field(app: Flask) -> None:
    mug = make_product()
    other = create(make_draft("DESK-ONE"), "DESK-ONE")
    change(other, variants=variants(record_of(other), only=lambda draft: replace(draft, barcode="4006381333931")))
    draft = make_draft(mug.sku.lower())
    (only,) = draft.variants
    with pytest.raises(DraftRefused) as refused:
        create(replace(draft, variants=(replace(only, barcode="4006381333931"),)), mug.sku.lower())
    taken = {
        "sku": Problem.SKU_TAKEN,
        "variants.0.sku": Problem.SKU_TAKEN,
        "variants.0.barcode": Problem.BARCODE_TAKEN,
    }
    assert refused.value.problems == taken


UPC = "012345678905"  # the EAN-13 0012345678905


@pytest.mark.parametrize("again", [UPC, f"0{UPC}", f"00{UPC}"])
def test_one_barcode_belongs_to_one_variant_in_every_spelling(app: Flask, again: str) -> None:
    """D5: as text, a UPC-A and its EAN-13 were two."""
    mug, shirt = make_product(), make_product(options=(("S", 3), ("M", 4)))
    change(mug.id, variants=variants(record_of(mug.id), only=coded(UPC)))
    assert record_of(mug.id).variants[0].barcode == f"0{UPC}"
    assert acts()[-1][2].endswith(f"0{UPC}")
    for options, problem in ((("M",), Problem.BARCODE_TAKEN), (("S", "M"), Problem.BARCODE_TWICE)):
        codes = {option: coded(again) for option in options}
        found = problems_of(shirt.id, variants=variants(record_of(shirt.id), **codes))
        assert found["variants.1.barcode"] is problem
    with pytest.raises(DraftRefused) as refused:
        create(make_draft(again), again)
    assert refused.value.problems["variants.0.sku"] is Problem.SKU_TAKEN
    create(make_draft(again.replace("9", "8")), again.replace("9", "8"))  # no barcode number, and nobody's


def test_a_barcode_is_nobody_elses_sku(app: Flask) -> None:
    """D5: the scanner looks up both."""
    create(make_draft(UPC), UPC)
    shirt = make_product(options=(("S", 3), ("M", 4)))
    new = VariantDraft(None, "4006381333931", "L", rupees(550))
    for draft, problem in (
        (variants(record_of(shirt.id), M=coded(f"0{UPC}")), Problem.BARCODE_TAKEN),
        ((*variants(record_of(shirt.id), M=coded("4006381333931")), new), Problem.BARCODE_TWICE),
    ):
        assert problems_of(shirt.id, variants=draft) == {"variants.1.barcode": problem}
    change(shirt.id, variants=(*variants(record_of(shirt.id)), replace(new, barcode=new.sku)))  # its own is fine


@pytest.mark.parametrize("barcode", ["4006381333932", "12345", "abc", "4" * 300])
def test_a_wrong_barcode_is_refused_but_stays_where_it_is_stored(app: Flask, barcode: str) -> None:
    """D5: check digits were not checked. One from before must not stop other changes."""
    mug = make_product()
    wrong = variants(record_of(mug.id), only=coded(barcode))
    assert problems_of(mug.id, variants=wrong) == {"variants.0.barcode": Problem.BARCODE_WRONG}
    with transaction("catalog") as session:
        session.execute(sa.update(Variant).where(Variant.sku == mug.sku).values(barcode=barcode[:14]))
    assert change(mug.id, name="Tin Mug").name == "Tin Mug"
    assert row_of(barcode[:14]).sku == mug.sku


def test_doctor_names_a_barcode_in_two_spellings(app: Flask) -> None:
    """D5: nobody but the shop knows whose it is."""
    mug, jar = make_product(), make_product()
    change(mug.id, variants=variants(record_of(mug.id), only=coded(UPC)))
    with transaction("catalog") as session:
        spelled = sa.text("UPDATE variants SET barcode = :code WHERE sku = :sku")  # as before the column had its type
        session.execute(spelled, {"code": UPC, "sku": jar.sku}, bind_arguments={"mapper": Variant})
    barcode, outdated = catalog.product_violations()
    assert barcode.startswith(f"{jar.sku}: its barcode {UPC} is that of another variant")
    assert outdated.startswith(f"{jar.sku}: its search entry")
    change(jar.id, variants=variants(record_of(jar.id), only=coded("4006381333931")))


def test_the_api_and_the_form_create_the_same_product(app: Flask) -> None:
    """Both use one function; the API passes fewer values."""
    new = NewProduct(
        sku=Sku("API-MUG"),
        name="Enamel Mug",
        brand="Kiln",
        description="For camping.",
        categories=(),
        variants=(NewVariant(Sku("API-MUG"), "", rupees(500), 4),),
        published_on=date(2026, 11, 22),
        specs=(("Colour", "Blue"),),
    )
    by_api = products.add_product(new, [category_id("home-living")], actor="user 7")
    by_desk = create(make_draft("DESK-MUG"))
    one, other = record_of(by_api), record_of(by_desk)
    assert replace(one.draft, variants=()) == replace(other.draft, variants=())
    assert [act[0] for act in acts()[-2:]] == ["product created"] * 2


# ----------------------------------------------------------------------------------------------- changed


def test_a_changed_product_is_found_and_listed_by_its_new_values(app: Flask) -> None:
    mug = make_product(name="Clay Mug")
    books = category_id("books")
    change(mug.id, name="Brass Kettle", slug="brass-kettle", brand="Forge", categories=(books,))
    assert mug.id in found_by("brass kettle forge")
    assert mug.id not in found_by("clay")
    listed = read_session().scalars(sa.select(BrowseEntry.category_id).where(BrowseEntry.product_id == mug.id))
    assert set(listed) == {0, books}
    assert read_session().scalar(sa.select(Variant.title).where(Variant.sku == mug.sku)) == "Brass Kettle"
    assert ("renamed", mug.sku, "Clay Mug to Brass Kettle") in acts()
    assert any(what == "details" and "brand: Kiln to Forge" in detail for what, _, detail in acts())


def test_the_price_of_a_product_is_that_of_its_cheapest_variant(app: Flask) -> None:
    shirt = make_product(price=900, options=(("S", 3), ("M", 4)))
    record = change(shirt.id, variants=variants(record_of(shirt.id), M=priced(700, compare_at_price=900)))
    (card,) = listing.cards_of([shirt.id])
    assert (card.price, card.compare_at_price) == (rupees(700), rupees(900))
    m = record.variants[1]
    assert ("price", m.sku, "INR 900.00 to INR 700.00 (was 900.00)") in acts()


def test_specs_keep_their_order_and_can_be_removed(app: Flask) -> None:
    mug = make_product()
    record = change(mug.id, specs=(("Weight", "300 g"), ("Colour", "Blue")))
    assert record.specs == (("Weight", "300 g"), ("Colour", "Blue"))
    assert change(mug.id, specs=(("Colour", "Red"),)).specs == (("Colour", "Red"),)
    assert problems_of(mug.id, specs=(("Größe", "1"), ("GRÖSSE", "2"))) == {"specs.1.name": Problem.SPEC_TWICE}


def test_a_new_variant_has_its_initial_stock(app: Flask) -> None:
    shirt = make_product(options=(("S", 3), ("M", 4)))
    large = VariantDraft(None, "DESK-L", "L", rupees(550), stock=6)
    record = change(shirt.id, variants=(*variants(record_of(shirt.id)), large))
    assert [variant.option for variant in record.variants] == ["S", "M", "L"]
    assert record.stock == 13
    assert movements_of("DESK-L") == [(6, "initial", KEEPER)]
    assert products.get_offer(Sku("DESK-L")).price == rupees(550)


def test_two_variants_swap_their_barcodes(app: Flask) -> None:
    shirt = make_product(options=(("S", 3), ("M", 4)))
    codes = {"S": "4006381333931", "M": "4006381333948"}
    change(shirt.id, variants=variants(record_of(shirt.id), **{o: coded(code) for o, code in codes.items()}))
    swapped = {"S": codes["M"], "M": codes["S"]}
    moved = {option: coded(code) for option, code in swapped.items()}
    record = change(shirt.id, variants=variants(record_of(shirt.id), **moved))
    assert {variant.option: variant.barcode for variant in record.variants} == swapped


def test_a_withdrawn_variant_does_not_count_and_can_be_restored(app: Flask) -> None:
    shirt = make_product(price=900, options=(("S", 3), ("M", 4)))
    off = {"S": lambda draft: replace(draft, state=VariantState.WITHDRAWN)}
    cheap = change(shirt.id, variants=variants(record_of(shirt.id), S=priced(500)))
    record = change(shirt.id, variants=variants(cheap, **off))
    (card,) = listing.cards_of([shirt.id])
    assert (record.stock, card.price) == (4, rupees(900))
    s = record.variants[0].sku
    assert [variant.option for variant in catalog.get_product(shirt.id).box.variants] == ["M"]
    with pytest.raises(UnknownSku):
        products.get_offer(Sku(s))
    receive(Sku(s), 5)  # its count is kept all the same
    assert record_of(shirt.id).stock == 4
    record = change(
        shirt.id, variants=variants(record_of(shirt.id), S=lambda d: replace(d, state=VariantState.ON_SALE))
    )
    assert record.stock == 12
    assert [what for what, subject, _ in acts() if subject == s][-2:] == ["taken off sale", "put back on sale"]


def test_a_variant_with_movements_cannot_be_deleted(app: Flask) -> None:
    shirt = make_product(options=(("S", 3), ("M", 0)))
    sell(record_of(shirt.id).variants[0].sku)
    deleted = lambda draft: replace(draft, state=VariantState.DELETED)  # noqa: E731
    refused = problems_of(shirt.id, variants=variants(record_of(shirt.id), S=deleted))
    assert refused == {"variants.0.state": Problem.NOT_DELETABLE}
    record = change(shirt.id, variants=variants(record_of(shirt.id), M=deleted))
    assert [variant.option for variant in record.variants] == ["S"]


@pytest.mark.parametrize(
    ("facts", "problems"),
    [
        ({"option_name": ""}, {"option_name": Problem.OPTION_NAME_MISSING}),
        ({"categories": (2**31 - 1,)}, {"categories": Problem.UNKNOWN_CATEGORY}),
        ({"categories": ()}, {"categories": Problem.UNKNOWN_CATEGORY}),
    ],
)
def test_an_unsellable_product_is_refused(app: Flask, facts: dict[str, object], problems: dict[str, Problem]) -> None:
    shirt = make_product(options=(("S", 3), ("M", 4)))
    assert problems_of(shirt.id, **facts) == problems
    assert record_of(shirt.id).version == 1


@pytest.mark.parametrize(
    ("change_of_s", "problems"),
    [
        ({"option": ""}, {"variants.0.option": Problem.OPTION_MISSING}),
        ({"option": "m"}, {"variants.1.option": Problem.OPTION_TWICE}),
        ({"compare_at_price": rupees(500)}, {"variants.0.was": Problem.WAS_NOT_HIGHER}),
        ({"id": 2**31 - 1}, {"variants.0.sku": Problem.MISSING}),
        ({"id": None, "sku": "SKU-APL-IP15PM"}, {"variants.0.sku": Problem.SKU_TAKEN}),
    ],
)
def test_indistinguishable_variants_are_refused(
    app: Flask, change_of_s: dict[str, object], problems: dict[str, Problem]
) -> None:
    shirt = make_product(options=(("S", 3), ("M", 4)))
    changed = variants(record_of(shirt.id), S=lambda draft: replace(draft, **change_of_s))  # type: ignore[arg-type]
    found = problems_of(shirt.id, variants=changed)
    assert problems.items() <= found.items()


def test_the_last_variant_cannot_be_withdrawn(app: Flask) -> None:
    mug = make_product()
    off = variants(record_of(mug.id), only=lambda draft: replace(draft, state=VariantState.WITHDRAWN))
    assert problems_of(mug.id, variants=off) == {"variants": Problem.NONE_ON_SALE}


# ------------------------------------------------------------------------------------------ at the same time


def test_a_stale_change_is_refused_with_the_current_record(app: Flask) -> None:
    mug = make_product(name="Clay Mug")
    seen = record_of(mug.id).version
    change(mug.id, name="Brass Mug")
    with pytest.raises(ProductConflict) as conflict:
        change(mug.id, seen=seen, name="Tin Mug")
    assert conflict.value.record.name == "Brass Mug"
    assert record_of(mug.id).name == "Brass Mug"


def test_repeating_a_change_is_no_conflict(app: Flask) -> None:
    shirt = make_product(options=(("S", 3), ("M", 4)))
    before = record_of(shirt.id)
    draft = replace(
        before.draft, name="Shirt", variants=(*variants(before), VariantDraft(None, "DESK-L", "L", rupees(9), stock=2))
    )
    for _ in range(2):
        products.admin.change_product(shirt.id, draft, seen=before.version, actor=KEEPER)
    assert record_of(shirt.id).version == before.version + 1
    assert movements_of("DESK-L") == [(2, "initial", KEEPER)]


# ----------------------------------------------------------------------------------------------- published


def test_a_hidden_product_is_on_no_page_and_can_be_published_again(app: Flask) -> None:
    mug = make_product(name="Zinc Mug")
    assert products.admin.set_published([mug.id], False, actor=KEEPER) == 1
    assert products.admin.set_published([mug.id], False, actor=KEEPER) == 0
    assert found_by("zinc") == set()
    assert not products.offers_of([mug.sku])[mug.sku].is_sellable
    assert record_of(mug.id).stock == 10
    products.admin.set_published([mug.id], True, actor=KEEPER)
    assert found_by("zinc") == {mug.id}
    assert [what for what, subject, _ in acts() if subject == mug.sku] == ["hidden", "published"]


def test_stock_and_price_of_a_hidden_product_are_updated(app: Flask) -> None:
    mug = make_product(stock=3)
    products.admin.set_published([mug.id], False, actor=KEEPER)
    receive(mug.sku, 4)
    change(mug.id, variants=variants(record_of(mug.id), only=priced(450)))
    products.admin.set_published([mug.id], True, actor=KEEPER)
    (card,) = listing.cards_of([mug.id])
    assert (card.available, card.price) == (7, rupees(450))


# ----------------------------------------------------------------------------------------------- the doctor


@pytest.mark.parametrize(
    ("table", "values", "words"),
    [
        (Product, {"price": 1}, "not that of its cheapest variant"),
        (Product, {"compare_at_price": 99_99_99}, "not that of its cheapest variant"),
        (Product, {"active": False}, "although it is unpublished"),
        (BrowseEntry, {"price": 1}, "listed with another price"),
        (BrowseEntry, {"category_id": 2**31 - 1}, "listed in a category it is not in"),
        (Variant, {"title": "Other"}, "title or sellable flag"),
        (Variant, {"is_withdrawn": True}, "product says 10 available"),
    ],
)
def test_the_consistency_check_finds_wrong_values(
    app: Flask, table: type[Product], values: dict[str, object], words: str
) -> None:
    mug = make_product()
    place = Product.id if table is Product else table.product_id  # type: ignore[attr-defined]
    broken = sa.update(table).where(place == mug.id)
    if table is BrowseEntry:
        broken = broken.where(BrowseEntry.category_id != 0)
    with undone() as session:
        session.execute(broken.values(**values))
        violations = [*catalog.stock_violations(), *catalog.product_violations()]
    assert any(words in violation for violation in violations if violation.startswith(mug.sku)), violations


class _Undo(Exception):
    """Rolls back what a test broke."""


@contextmanager
def undone() -> Iterator[Session]:
    with suppress(_Undo), transaction("catalog") as session:
        yield session
        raise _Undo


def test_a_movement_of_a_withdrawn_variant_is_in_the_ledger(app: Flask) -> None:
    shirt = make_product(options=(("S", 3), ("M", 4)))
    s = record_of(shirt.id).variants[0].sku
    change(shirt.id, variants=variants(record_of(shirt.id), S=lambda d: replace(d, state=VariantState.WITHDRAWN)))
    receive(Sku(s), 5)
    assert [movement.delta for movement in ledger_of(s)] == [5]
