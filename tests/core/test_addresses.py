"""C10: addresses by the rules of their countries."""

from __future__ import annotations

import pytest

from storefront.core.addresses import PostalAddress, UndeliverableAddress, checked_address


def address(country: str, city: str = "", state: str = "", postal_code: str = "") -> PostalAddress:
    return PostalAddress("Asha Rao", "", "1 Main Road", "", city, state, postal_code, country)


@pytest.mark.parametrize(
    ("typed", "lines"),
    [
        (address("india", "Pune", "MH", "411 001"), ["Pune 411001", "MH", "India"]),
        (address("", "Pune", "MH", "411001"), ["Pune 411001", "MH", "India"]),
        (address("Hong Kong", "Central"), ["Central", "Hong Kong"]),
        (address("Hong Kong", "Central", "Kowloon", "000000"), ["000000", "Central", "Kowloon", "Hong Kong"]),
        (address("UAE", "Dubai"), ["Dubai", "United Arab Emirates"]),
        (address("UAE", "", "Dubai"), ["Dubai", "United Arab Emirates"]),
        (address("Ireland", "Cork"), ["Cork", "Ireland"]),
        (address("Ireland", "Cork", "Co. Cork", "t12x8y4"), ["Cork", "Co. Cork", "T12 X8Y4", "Ireland"]),
        (address("United Kingdom", "London", "", "sw1a1aa"), ["London", "SW1A 1AA", "United Kingdom"]),
        (address("USA", "Austin", "TX", "78701"), ["Austin, TX 78701", "United States"]),
        (address("Germany", "Berlin", "", "10115"), ["10115 Berlin", "Germany"]),
        (address("Japan", "", "Tokyo", "1540023"), ["Tokyo", "154-0023", "Japan"]),
        (address("Brazil", "Recife", "PE", "40301110"), ["Recife-PE", "40301-110", "Brazil"]),
        (address("Singapore", "", "", "546080"), ["SINGAPORE 546080", "Singapore"]),
        (address("Macao"), ["Macao"]),
    ],
)
def test_an_address_needs_what_its_country_has_and_is_written_as_there(typed: PostalAddress, lines: list[str]) -> None:
    assert checked_address(typed).lines == ["1 Main Road", *lines]


@pytest.mark.parametrize(
    ("typed", "problems"),
    [
        (address("Atlantis", "X", "Y", "1"), {"country": "unknown country"}),
        (address("India"), {"city": "missing", "state": "missing", "postal_code": "missing"}),
        (address("India", "Pune", "MH", "²²²²²²"), {"postal_code": "wrong format"}),
        (address("Hong Kong"), {"state": "missing"}),
        (address("Ireland", "Cork", "", "411001"), {"postal_code": "wrong format"}),
        (address("United Kingdom", "London"), {"postal_code": "missing"}),
    ],
)
def test_what_is_missing_or_wrong_is_told_by_field(typed: PostalAddress, problems: dict[str, str]) -> None:
    with pytest.raises(UndeliverableAddress) as refused:
        checked_address(typed)
    assert refused.value.problems == problems


def test_an_address_without_a_known_country_keeps_reading() -> None:
    assert address("Atlantis", "Poseidonis", "", "7").lines == ["1 Main Road", "Poseidonis 7", "Atlantis"]
