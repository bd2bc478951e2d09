"""C10: countries, their names and the postcodes that they spell."""

from __future__ import annotations

import pytest

from storefront.core.countries import all_countries, country_name, find_country


@pytest.mark.parametrize(
    ("typed", "name"),
    [
        ("India", "India"),
        (" INDIA ", "India"),
        ("in", "India"),
        ("IND", "India"),
        ("Bharat", "India"),
        ("भारत", "India"),
        ("U.S.A.", "United States"),
        ("The United States of America", "United States"),
        ("UK", "United Kingdom"),
        ("Great Britain", "United Kingdom"),
        ("U.A.E.", "United Arab Emirates"),
        ("Hong Kong SAR China", "Hong Kong"),
        ("cote d'ivoire", "Côte d’Ivoire"),
        ("Trinidad and Tobago", "Trinidad & Tobago"),
        ("Curacao", "Curaçao"),
        ("Turkey", "Türkiye"),
        ("Deutschland", "Germany"),
    ],
)
def test_a_country_is_found_by_its_names_and_codes(typed: str, name: str) -> None:
    assert country_name(typed) == name


@pytest.mark.parametrize("typed", ["", "the", "Atlantis", "X", "India2", "Pune", "Antarctica", "²", "\0", "é" * 100])
def test_other_texts_are_no_country_and_stay_as_they_are(typed: str) -> None:
    assert find_country(typed) is None
    assert country_name(typed) == typed


@pytest.mark.parametrize(
    ("country", "typed", "spelled"),
    [
        ("India", "411-001", "411001"),
        ("India", " 411 001", "411001"),
        ("India", "४११००१", "411001"),
        ("India", "\uff14\uff11\uff11\uff10\uff10\uff11", "411001"),  # of full width
        ("India", "²²²²²²", None),
        ("India", "①①①①①①", None),
        ("India", "41100", None),
        ("United Kingdom", "sw1a1aa", "SW1A 1AA"),
        ("United Kingdom", "M1 1AE", "M1 1AE"),
        ("United Kingdom", "12345", None),
        ("United States", "787011234", "78701-1234"),
        ("United States", "78701", "78701"),
        ("Netherlands", "1234ab", "1234 AB"),
        ("Japan", "1540023", "154-0023"),
        ("Canada", "k1a 0b1", "K1A 0B1"),
        ("Ireland", "a65f4e2", "A65 F4E2"),
        ("Latvia", "1010", "LV-1010"),
        ("Czechia", "11000", "110 00"),
        ("Hong Kong", "999077", "999077"),
    ],
)
def test_postcodes_are_spelled_as_in_their_country(country: str, typed: str, spelled: str | None) -> None:
    known = find_country(country)
    assert known is not None
    assert known.spell_postal_code(typed) == spelled


def test_every_country_accepts_its_own_examples_and_is_found_by_its_name() -> None:
    countries = all_countries()
    assert len(countries) > 240
    for country in countries:
        assert find_country(country.name) is find_country(country.code) is country
        assert set(country.labels) == {"city", "state", "postal_code"}
        assert all(country.spell_postal_code(example) == example for example in country.code_examples), country.name
