"""Synonyms: words that staff say find the same products."""

from __future__ import annotations

import pytest
from flask import Flask

from storefront.catalog import listing as catalog_listing
from storefront.catalog.search import synonyms
from storefront.catalog.search.synonyms import add_synonyms, list_synonyms, read_query, remove_synonyms
from storefront.catalog.values import BrowseCriteria
from storefront.catalog.values.search import MAX_SYNONYM_SETS, SynonymProblem, SynonymsRefused
from tests.page_client import counted_selects

MEERA = "Meera"


def names(typed: str) -> set[str]:
    listing = catalog_listing.browse(BrowseCriteria(words=typed))
    return set() if listing.relaxed else {card.name for card in listing.cards}


def suggested(typed: str) -> set[str]:
    found, relaxed = catalog_listing.suggest(typed)
    return set() if relaxed else {suggestion.name for suggestion in found}


def test_words_that_mean_the_same_find_the_same(app: Flask) -> None:
    """C6: "earphones" finds what is called headphones, in searches and suggestions, and no more once it is removed."""
    assert names("earphones") == set()
    headphones = names("headphones")
    add_synonyms("Earphones, headphones; Cans\nover-ear sets", actor=MEERA)
    for typed in ("earphones", "earphone", "cans", "over-ear sets", "sony earphones"):
        assert names(typed) == suggested(typed) == headphones, typed
    (only,) = list_synonyms()
    assert only.phrases == "Earphones, headphones, Cans, over-ear sets"
    assert remove_synonyms(only.id, actor=MEERA) == only.phrases
    assert names("earphones") == set()
    assert remove_synonyms(only.id, actor=MEERA) == ""


def test_synonyms_of_other_scripts_and_with_symbols_work(app: Flask) -> None:
    add_synonyms("हेडफ़ोन、 headphones、h&p", actor=MEERA)
    assert names("हेडफ़ोन") == names("H & P") == names("headphones")


def test_the_same_set_is_stored_once(app: Flask) -> None:
    add_synonyms("earphones, headphones", actor=MEERA)
    add_synonyms("HEADPHONE,  earphones", actor=MEERA)
    assert [each.phrases for each in list_synonyms()] == ["earphones, headphones"]


@pytest.mark.parametrize(
    ("typed", "problem"),
    [
        ("", SynonymProblem.TOO_FEW),
        ("earphones", SynonymProblem.TOO_FEW),
        ("shoe, Shoes", SynonymProblem.TOO_FEW),
        ("earphones, ???", SynonymProblem.NO_WORD),
        (", ".join(f"word{number}" for number in range(13)), SynonymProblem.TOO_LONG),
        (f"{'x' * 298}, y", SynonymProblem.TOO_LONG),
    ],
)
def test_what_is_no_set_is_refused(app: Flask, typed: str, problem: SynonymProblem) -> None:
    with pytest.raises(SynonymsRefused) as refusal:
        add_synonyms(typed, actor=MEERA)
    assert refusal.value.problem is problem
    assert list_synonyms() == ()


def test_there_is_a_largest_number_of_sets(app: Flask, monkeypatch: pytest.MonkeyPatch) -> None:
    assert MAX_SYNONYM_SETS > 1
    monkeypatch.setattr(synonyms, "MAX_SYNONYM_SETS", 1)
    add_synonyms("earphones, headphones", actor=MEERA)
    with pytest.raises(SynonymsRefused) as refusal:
        add_synonyms("sneakers, shoes", actor=MEERA)
    assert refusal.value.problem is SynonymProblem.TOO_MANY


def test_a_search_reads_synonyms_by_one_select_at_most(app: Flask) -> None:
    """With a cache, as in production, by none."""
    with counted_selects() as counter:
        read_query("sony headphones")
    assert counter["selects"] == 1
