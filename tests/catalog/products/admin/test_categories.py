"""Categories: creating, changing, moving and deleting them; search by new names, redirects from old slugs."""

from __future__ import annotations

from dataclasses import replace

import pytest
from flask import Flask

from storefront.catalog import products
from storefront.catalog.products.admin import CategoryConflict, CategoryDraft, CategoryInUse, DraftRefused, Problem
from storefront.catalog.values import UnknownCategory
from storefront.db.session import read_session
from storefront.worker import tasks
from tests.factories.catalog import make_product
from tests.factories.products import KEEPER, acts, category_id, change, found_by, record_of

TOYS = CategoryDraft("Toys", "toys", "To play with.", 300, 1)


pytestmark = pytest.mark.usefixtures("_consistent_read_model")


def open_toys() -> int:
    return products.admin.create_category(TOYS, actor=KEEPER)


def alter(category: int, *, seen: str = "", **facts: object) -> None:
    read_session().rollback()
    record = products.admin.get_category(category)
    draft = replace(record.draft, **facts)  # type: ignore[arg-type]
    products.admin.change_category(category, draft, seen=seen or record.digest, actor=KEEPER)


def problems(category: int, **facts: object) -> dict[str, Problem]:
    with pytest.raises(DraftRefused) as refused:
        alter(category, **facts)
    return refused.value.problems


def slugs() -> list[str]:
    read_session().rollback()
    return [record.slug for record in products.admin.list_categories()]


def test_a_category_is_created_at_its_position(app: Flask) -> None:
    before = slugs()
    open_toys()
    assert slugs() == ["toys", *before]
    assert acts()[-1] == ("category created", "toys", "Toys")


def test_creating_a_category_is_idempotent(app: Flask) -> None:
    assert open_toys() == open_toys()
    assert slugs().count("toys") == 1
    assert [entry[0] for entry in acts()].count("category created") == 1


def test_a_name_in_any_script_makes_a_slug_of_its_own(app: Flask) -> None:
    """D8: the second name in Hindi is no problem, nor are names that differ in nothing that a URL can hold."""
    names = (
        "किताबें",
        "खिलौने",
        "書籍",
        "Ёлки",
        "كتب",
        "😀",
        "…",
        "???",
        "A & B",
        "A+B",
        "Книги" * 16,
        "Книги" * 15 + "!",
    )
    for name in names:
        products.admin.create_category(replace(TOYS, name=name, slug=""), actor=KEEPER)
    made = {record.name: record.slug for record in products.admin.list_categories() if record.name in names}
    assert [made[name] for name in names[:10]] == [
        "kitabem", "khilaune", "shuji", "elki", "ktb", "grinning", "category", "category-2", "a-b", "a-b-2"
    ]  # fmt: skip
    assert len(set(made.values())) == len(names)
    assert max(map(len, made.values())) <= 80


def test_a_slug_of_the_name_is_not_one_that_another_category_had(app: Flask) -> None:
    """D8: its old links go on leading to the other one."""
    toys = open_toys()
    alter(toys, name="Games", slug="games")
    products.admin.create_category(replace(TOYS, slug=""), actor=KEEPER)
    assert "toys-2" in slugs()
    alter(toys, name="Toys and games", slug="")
    assert "toys-and-games" in slugs()


def test_creating_a_category_without_a_slug_is_idempotent(app: Flask) -> None:
    drafts = [replace(TOYS, slug=""), replace(TOYS, slug="")]
    first, second = (products.admin.create_category(draft, actor=KEEPER) for draft in drafts)
    assert first == second


def test_a_category_is_moved_to_another_position(app: Flask) -> None:
    before = slugs()
    toys = open_toys()
    alter(toys, position=3)
    assert slugs() == [*before[:2], "toys", *before[2:]]
    alter(toys, position=999)
    assert slugs() == [*before, "toys"]


def test_products_are_found_by_the_new_name_of_their_category(app: Flask) -> None:
    toys = open_toys()
    mug = make_product(category="toys")
    alter(toys, name="Playthings")
    tasks.deliver_outboxes()
    assert mug.id in found_by("playthings")
    assert mug.id not in found_by("toys")


def test_old_slugs_redirect_to_the_current_one(app: Flask) -> None:
    toys = open_toys()
    alter(toys, slug="playthings")
    alter(toys, slug="games")
    assert {products.admin.find_redirect(slug) for slug in ("toys", "playthings")} == {"games"}
    assert products.admin.find_redirect("games") is None
    alter(toys, slug="toys")
    assert products.admin.find_redirect("toys") is None
    assert products.admin.find_redirect("games") == "toys"


def test_names_and_slugs_are_unique(app: Flask) -> None:
    toys = open_toys()
    books = category_id("books")
    assert problems(toys, name="BOOKS", slug="books") == {"name": Problem.NAME_TAKEN, "slug": Problem.SLUG_TAKEN}
    alter(books, slug="reading")
    assert problems(toys, slug="books") == {"slug": Problem.SLUG_WAS_ANOTHERS}


def test_a_stale_change_is_refused_with_the_current_record(app: Flask) -> None:
    toys = open_toys()
    seen = products.admin.get_category(toys).digest
    alter(toys, description="For children.")
    with pytest.raises(CategoryConflict) as conflict:
        alter(toys, seen=seen, name="Games")
    assert conflict.value.record.description == "For children."


def test_only_an_empty_category_is_deleted(app: Flask) -> None:
    toys = open_toys()
    alter(toys, slug="games")
    mug = make_product(category="games")
    with pytest.raises(CategoryInUse):
        products.admin.remove_category(toys, actor=KEEPER)
    books = category_id("books")
    change(mug.id, categories=(books, toys))
    with pytest.raises(CategoryInUse):
        products.admin.remove_category(toys, actor=KEEPER)
    change(mug.id, categories=(books,))
    products.admin.remove_category(toys, actor=KEEPER)
    assert products.admin.find_redirect("toys") is None
    assert record_of(mug.id).categories == (books,)
    with pytest.raises(UnknownCategory):
        products.admin.remove_category(toys, actor=KEEPER)
