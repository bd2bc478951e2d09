"""How far two words are apart."""

from __future__ import annotations

import pytest

from storefront.catalog.search.spelling import distance


@pytest.mark.parametrize(
    ("typed", "meant", "slips"),
    [
        ("teapot", "teapot", 0),
        ("hedphones", "headphones", 0.8),  # one missing
        ("tenat", "tent", 0.8),  # one too many
        ("iphnoe", "iphone", 0.8),  # swapped
        ("lampp", "lamp", 0.5),  # doubled
        ("dumbel", "dumbbell", 1.0),  # two that should be
        ("teapit", "teapot", 1.1),  # replaced
        ("tshirt", "thirty", 1.6),
        ("", "ab", 1.6),
        ("ab", "", 1.6),
    ],
)
def test_slips_are_weighed(typed: str, meant: str, slips: float) -> None:
    assert distance(typed, meant) == pytest.approx(slips)
