"""Searches and suggestions in every script, by names with symbols, and by measures, the same on both engines."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from flask import Flask
from sqlalchemy import func, select, update

from storefront.catalog import listing as catalog_listing
from storefront.catalog import products
from storefront.catalog.events import SEARCH_INDEX_OUTDATED
from storefront.catalog.listing import search_index
from storefront.catalog.models import Message, Product, product_search
from storefront.catalog.search import engine, query
from storefront.catalog.search.words import words_of
from storefront.catalog.values import BrowseCriteria, Sort
from storefront.cli import consistency
from storefront.db import outbox
from storefront.db.session import read_session, transaction
from storefront.worker import tasks
from tests.conftest import ENGINES, rolled_back
from tests.factories.catalog import make_product
from tests.isolated_shop import own_shop

NAMES = (
    "Smørrebrød Board",
    "Œuvre Complète",
    "Hatırası Defteri",  # noqa: RUF001 - as it is written
    "Straße Łódź Poster",
    "H&M Cotton Shirt",
    "H & M Scarf",
    "Hammock Mat Cover C",
    "C++ Primer",
    "C# Atlas",
    "AT&T Phone Cord",
    "Water 500 ml",
    "Juice 750ml",
    "Syrup 1.5 l",
    "iPhone 15 Pro",
    "iPhone16 Case",
    "Galaxy 15 Stand",
    "H.P. Printer",
    "Hp Ink",
    "Chef’s Apron",
    "L'Oréal Rouge",
    "Price of 1,499 Steps",
    "किताब हिंदी",
    "कितना तेल की बोतल",
    "தமிழ் புத்தகம்",
    "ёлка праздничная",
    "كِتاب جديد",
    "日本製ノートケース",
    "หนังสือเด็ก",
    "의자 커버",
    "Running Shoe",
)


@pytest.fixture(scope="module", params=ENGINES)
def _library(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Flask]:
    """Products in many scripts, committed: the full-text index of MariaDB has no uncommitted rows."""
    with own_shop(request.param, tmp_path_factory.mktemp("scripts")) as app:
        with app.app_context():
            for name in NAMES:
                make_product(name=name, brand="Loom")
        yield app


@pytest.fixture
def library(_library: Flask) -> Iterator[Flask]:
    with rolled_back(_library):
        yield _library


def found(typed: str) -> set[str]:
    """Names among `NAMES` that a search finds by all its words, and the suggestions too."""
    listing = catalog_listing.browse(BrowseCriteria(words=typed, brands=("Loom",), sort=Sort.NEWEST))
    names = set() if listing.relaxed else {card.name for card in listing.cards}
    suggested, relaxed = catalog_listing.suggest(typed)
    mine = {suggestion.name for suggestion in suggested if suggestion.brand == "Loom"}
    assert relaxed is not None or mine == names
    return names


CASES = [
    ("smorrebrod", {"Smørrebrød Board"}),
    ("SMØRREBRØD", {"Smørrebrød Board"}),
    ("oeuvre", {"Œuvre Complète"}),
    ("hatirasi", {NAMES[2]}),
    ("HATIRASI", {NAMES[2]}),
    ("strasse lodz", {"Straße Łódź Poster"}),
    ("h&m", {"H&M Cotton Shirt", "H & M Scarf"}),
    ("H & M", {"H&M Cotton Shirt", "H & M Scarf"}),
    ("h&m shirt", {"H&M Cotton Shirt"}),
    ("c++", {"C++ Primer"}),
    ("c#", {"C# Atlas"}),
    ("at&t", {"AT&T Phone Cord"}),
    ("500ml", {"Water 500 ml"}),
    ("500 ml", {"Water 500 ml"}),
    ("750 ml", {"Juice 750ml"}),
    ("750ml", {"Juice 750ml"}),
    ("1.5l", {"Syrup 1.5 l"}),
    ("1,5 l", {"Syrup 1.5 l"}),
    ("iphone15", {"iPhone 15 Pro"}),
    ("iphone 15", {"iPhone 15 Pro"}),
    ("iphone 16", {"iPhone16 Case"}),
    ("hp", {"H.P. Printer", "Hp Ink"}),
    ("h.p.", {"H.P. Printer", "Hp Ink"}),
    ("HP printer", {"H.P. Printer"}),
    ("chefs", {"Chef’s Apron"}),
    ("chef's apron", {"Chef’s Apron"}),
    ("loreal", {"L'Oréal Rouge"}),
    ("l’oréal", {"L'Oréal Rouge"}),
    ("1499", {"Price of 1,499 Steps"}),
    ("किताब", {"किताब हिंदी"}),
    ("हिंदी", {"किताब हिंदी"}),
    ("kitab", {"किताब हिंदी"}),
    ("தமிழ்", {"தமிழ் புத்தகம்"}),
    ("елка", {"ёлка праздничная"}),
    ("ЁЛКА", {"ёлка праздничная"}),
    ("كتاب", {"كِتاب جديد"}),
    ("日本", {"日本製ノートケース"}),
    ("ケース", {"日本製ノートケース"}),
    ("本日", set()),
    ("เด็ก", {"หนังสือเด็ก"}),
    ("의자", {"의자 커버"}),
]


@pytest.mark.parametrize(("typed", "names"), CASES)
def test_words_of_every_script_find_what_they_name(library: Flask, typed: str, names: set[str]) -> None:
    """C5, C6: in searches and suggestions."""
    assert found(typed) == names


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("किताब", ["kitab"]),
        ("R&D, AT&T.", ["r", "d", "at", "t", "rd", "att"]),
        ("Notepad++ and C++17", ["notepad", "and", "c", "17", "cplusplus"]),
        ("500 ml, 4K", ["500", "ml", "4k", "4", "k", "500ml"]),
        ("2\u00a0kg", ["2", "kg", "2kg"]),
        ("1.5l", ["1_5l", "1_5", "l", "1", "5l"]),
        ("1,50,000", ["1_50_000", "150000", "1", "50", "000"]),
        ("\u200bzero\u200bwidth so\u00adft", ["zero", "width", "soft"]),
        ("Bücher™ Ⅷ ½", ["bucher", "viii", "1", "2", "viii1"]),
        ("क\u200dख क़लम", ["kkh", "klm"]),
        ("日本", ["u65e5672c", "u672c"]),
        ("日", ["u65e5"]),
        ("東京tower", ["u67714eac", "u4eac", "tower"]),
        ("😀 ☂️ _", []),
    ],
)  # fmt: skip
def test_texts_of_every_script_are_split_into_words(text: str, words: list[str]) -> None:
    """C5: a letter keeps its marks; what has no blanks is cut into pairs."""
    assert words_of(text) == words


@pytest.mark.parametrize(
    ("typed", "alternatives"),
    [
        ("h&m", [("hm__",)]),
        ("u.s.a.", [("usa",)]),
        ("c/c++", [("c__", "cplusplus")]),
        ("headphones+", [("headphone",)]),
        ("women's bag", [("women", "bag"), ("women", "bag")]),
        ("e book", [("e__", "book"), ("ebook",)]),
        ("24/7", [("24", "7"), ("247",)]),
        ("wh-1000xm5", [("wh1000xm5",)]),
        ("日本製", [("u65e5672c", "u672c88fd")]),
    ],
)
def test_searches_are_read_as_alternatives(typed: str, alternatives: list[tuple[str, ...]]) -> None:
    """C6: a name by its initials is one word, and no word that begins with its letters."""
    assert query.parse_query(typed) == list(dict.fromkeys(alternatives))


def test_no_index_entry_is_longer_than_its_column() -> None:
    """C5: pairs of characters take more room than the characters."""
    row = engine.index_row(engine.SearchText(1, "本", "本製" * 16_000))
    assert len(str(row["words"])) <= engine.MAX_INDEXED_LENGTH


def test_the_worker_rewrites_the_index_part_by_part(library: Flask, monkeypatch: pytest.MonkeyPatch) -> None:
    """C6: each message ends before its lease does; sent twice, a part is written twice and passed on once."""
    monkeypatch.setattr(search_index, "BATCH", 20)
    monkeypatch.setattr(search_index, "PART", 40)
    with transaction("catalog") as session:
        session.execute(update(product_search).values(words="smørrebrød"))
        outbox.publish(session, Message, SEARCH_INDEX_OUTDATED, "new-rules", {})
    tasks.rebuild_search_index("new-rules", {})
    tasks.deliver_outboxes()
    of_topic = select(Message.key).where(Message.topic == SEARCH_INDEX_OUTDATED)
    assert len(list(read_session().scalars(of_topic))) == 1 + (68 + len(NAMES)) // 40
    assert list(consistency.violations()) == []


def test_an_index_of_older_rules_is_reported_and_rewritten(library: Flask) -> None:
    """C6: a shop that was upgraded does not keep it unnoticed."""
    board = read_session().scalars(select(Product.id).where(Product.name == "Smørrebrød Board")).one()
    with transaction("catalog") as session:
        old = update(product_search).where(product_search.c.product_id == board).values(words="smørrebrød board")
        session.execute(old)
    sku = products.get_full_product(board, reviews=0).sku
    said = f"{sku}: its search entry does not follow from its texts; flask --app wsgi search reindex rewrites all"
    assert said in consistency.violations()
    result = library.test_cli_runner().invoke(args=["search", "reindex"], catch_exceptions=False)
    count = read_session().scalar(select(func.count()).select_from(Product))
    assert f"{count} products indexed" in result.output
    assert list(consistency.violations()) == []
