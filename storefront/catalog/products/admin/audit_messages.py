"""The audit log's descriptions of changes to products."""

from __future__ import annotations

from collections.abc import Iterator

from storefront.catalog.products.admin.values import (
    ProductDraft,
    ProductRecord,
    VariantDraft,
    VariantRecord,
    VariantState,
)
from storefront.core.money import Money

MAX_TEXT_LENGTH = 120  # characters of an old and of a new text in an entry

Change = tuple[str, str, str]  # what was done, the SKU it was done to, and the old and new values


def money_words(price: Money, compare_at_price: Money | None = None) -> str:
    """Write a price as "INR 450.00", or as "INR 450.00 (was 500.00)"."""
    words = f"{price.currency} {price.amount}"
    return f"{words} (was {compare_at_price.amount})" if compare_at_price else words


def from_to(old: str, new: str) -> str:
    """Write an old and a new text as "old to new", each shortened to `MAX_TEXT_LENGTH`."""
    return f"{_shorten(old)} to {_shorten(new)}"


def _shorten(text: str) -> str:
    line = " ".join(text.split())
    return f"{line[: MAX_TEXT_LENGTH - 1]}…" if len(line) > MAX_TEXT_LENGTH else line or "nothing"


def changes_of(record: ProductRecord, draft: ProductDraft) -> Iterator[Change]:
    """List the changes that a draft makes to a product, one for each entry of the audit log."""
    if record.name != draft.name:
        yield "renamed", record.sku, from_to(record.name, draft.name)
    if record.slug != draft.slug:
        yield "address", record.sku, from_to(record.slug, draft.slug)
    if details := "; ".join(_details(record, draft)):
        yield "details", record.sku, details
    known = {variant.id: variant for variant in record.variants}
    for variant in draft.variants:
        before = known.get(variant.id or 0)
        yield from _variant_changes(before, variant) if before else _variant_added(variant)


def _details(record: ProductRecord, draft: ProductDraft) -> Iterator[str]:
    if record.brand != draft.brand:
        yield f"brand: {from_to(record.brand, draft.brand)}"
    if record.option_name != draft.option_name:
        yield f"variants differ in: {from_to(record.option_name, draft.option_name)}"
    if record.description != draft.description:
        yield f"description: {from_to(record.description, draft.description)}"
    if record.specs != draft.specs:
        old, new = (", ".join(f"{name} {value}" for name, value in specs) for specs in (record.specs, draft.specs))
        yield f"specifications: {from_to(old, new)}"
    if record.categories != draft.categories:
        old, new = (", ".join(map(str, ids)) for ids in (record.categories, draft.categories))
        yield f"categories: {from_to(old, new)}"
    if [v.id for v in record.variants] != [v.id for v in draft.variants if v.id is not None]:
        yield "order of the variants"


def _variant_added(variant: VariantDraft) -> Iterator[Change]:
    if variant.state is not VariantState.DELETED:
        units = f", {variant.stock} units" if variant.stock else ""
        yield (
            "variant added",
            variant.sku,
            f"{variant.option} {money_words(variant.price, variant.compare_at_price)}{units}".strip(),
        )


def _variant_changes(before: VariantRecord, after: VariantDraft) -> Iterator[Change]:
    if after.state is VariantState.DELETED:
        yield "variant deleted", before.sku, f"{before.option} {money_words(before.price)}".strip()
        return
    if (before.price, before.compare_at_price) != (after.price, after.compare_at_price):
        yield (
            "price",
            before.sku,
            f"{money_words(before.price, before.compare_at_price)} to "
            f"{money_words(after.price, after.compare_at_price)}",
        )
    if before.option != after.option:
        yield "renamed", before.sku, from_to(before.option, after.option)
    if before.barcode != after.barcode:
        yield "barcode", before.sku, from_to(before.barcode or "", after.barcode or "")
    if before.draft.state is not after.state:
        yield ("taken off sale" if after.state is VariantState.WITHDRAWN else "put back on sale"), before.sku, ""
