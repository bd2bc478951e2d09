"""The weighted edit distance of words."""

from __future__ import annotations

import pytest

from storefront.catalog.search.spelling import distance


@pytest.mark.parametrize(
    ("typed", "target", "expected"),
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
def test_typing_errors_are_weighted(typed: str, target: str, expected: float) -> None:
    assert distance(typed, target) == pytest.approx(expected)
