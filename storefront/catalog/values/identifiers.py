"""Identifiers of products and variants, the lengths of their texts, and the errors for unknown ones."""

from __future__ import annotations

import unicodedata
from typing import NewType

from storefront.core.errors import DomainError, NotFoundError

ProductId = NewType("ProductId", int)
Sku = NewType("Sku", str)

# Characters; contract/openapi.yaml, ProductInput.
MAX_SKU_LENGTH = 100
SKU_HINT = "Letters, digits, signs such as - . _ / & # and single spaces, such as MUG-BLUE"
MAX_PRODUCT_NAME_LENGTH = 500
MAX_BRAND_LENGTH = 255

_INVISIBLE = frozenset({"Cc", "Cf", "Cn", "Co", "Cs", "Zl", "Zp"})  # Unicode categories
_GUARD = "'"  # escapes a formula in an exported file, where it would be lost: storefront/core/csv_files.py


def is_sku(text: str) -> bool:
    """Whether a text can be the SKU of a new variant. SKUs are taken as shops write them: "AB 12/3 & #4".

    Every character is visible, blanks stand alone and inside, and at least one character is a letter or a digit.
    """
    is_visible = not any(unicodedata.category(character) in _INVISIBLE for character in text)
    is_named = any(character.isalnum() for character in text)
    blanks = text == " ".join(text.split()) and not text.startswith(_GUARD)
    return len(text) <= MAX_SKU_LENGTH and is_visible and is_named and blanks


class UnknownProduct(NotFoundError):
    """No product on sale has this id."""


class UnknownCategory(NotFoundError):
    """No category has this slug."""


class UnknownSku(NotFoundError):
    """No variant on sale has this SKU."""


class SkuTaken(DomainError):
    """Another product or variant has this SKU."""
