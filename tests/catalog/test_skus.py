"""D9: the SKUs of real shops can be made, as they are written."""

from __future__ import annotations

import pytest

from storefront.catalog.values import MAX_SKU_LENGTH, is_sku


@pytest.mark.parametrize(
    "sku",
    [
        "MUG-BLUE",
        "AB 12/3",
        "H&M-1",
        "#4711",
        "00123",
        "mug-blue",
        "T'SHIRT",
        "Größe 42",
        "é",
        "किताब-1",
        "(A) 50%",
        "1.000",
        "-5",
        "=7",
        "a" * MAX_SKU_LENGTH,
    ],
)
def test_a_sku_is_taken_as_it_is(sku: str) -> None:
    assert is_sku(sku)
    assert is_sku("a" * MAX_SKU_LENGTH)


@pytest.mark.parametrize(
    "sku",
    ["", " ", "---", "A  B", " A", "A ", "A\tB", "A\x00", "A\u200bB", "A\u202eB", "'A", "a" * (MAX_SKU_LENGTH + 1)],
)
def test_what_nobody_could_read_or_type_is_no_sku(sku: str) -> None:
    assert not is_sku(sku)
