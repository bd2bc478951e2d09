"""Identifiers of products and variants, the lengths of their texts, and the errors for unknown ones."""

from __future__ import annotations

from typing import NewType

from storefront.core.errors import DomainError, NotFoundError

ProductId = NewType("ProductId", int)
Sku = NewType("Sku", str)

# Characters; contract/openapi.yaml, ProductInput.
MAX_SKU_LENGTH = 100
MAX_PRODUCT_NAME_LENGTH = 500
MAX_BRAND_LENGTH = 255


class UnknownProduct(NotFoundError):
    """No product on sale has this id."""


class UnknownCategory(NotFoundError):
    """No category has this slug."""


class UnknownSku(NotFoundError):
    """No variant on sale has this SKU."""


class SkuTaken(DomainError):
    """Another product or variant has this SKU."""
