"""Conflicting edits of a product: the current values beside what was entered."""

from __future__ import annotations

from storefront.catalog.products.admin import ProductRecord, VariantDraft
from storefront.staff.product_forms import ProductForm
from storefront.web.number_fields import written_amount

STATES = {"on": "Active", "off": "Inactive", "delete": "Delete"}
NOTHING = "empty"


def differences(form: ProductForm, record: ProductRecord) -> dict[str, str]:
    """Find the fields whose current value differs from the entered one.

    :return: current value, as text, by field id
    """
    draft = form.draft()
    category_names = dict(form.category_choices)
    now: dict[str, str] = {}
    for name in ("name", "slug", "brand", "description", "option_name"):
        if getattr(draft, name) != getattr(record, name):
            now[name] = getattr(record, name) or NOTHING
    if draft.categories[0] != record.categories[0]:
        now["category"] = category_names.get(str(record.categories[0]), NOTHING)
    if set(draft.categories[1:]) != set(record.categories[1:]):
        now["more"] = ", ".join(category_names.get(str(i), str(i)) for i in record.categories[1:]) or NOTHING
    if draft.specs != record.specs:
        now["specs"] = "; ".join(f"{name}: {value}" for name, value in record.specs) or NOTHING
    known = {variant.id: variant for variant in record.variants}
    for i, row in enumerate(form.variants):
        variant = known.get(row.known.id) if row.known else None
        if variant is not None:
            typed = row.draft(form.currency, form.own_sku)
            now.update({f"variant-{i}-{name}": text for name, text in _variant_differences(typed, variant.draft)})
    return now


def _variant_differences(typed: VariantDraft, current: VariantDraft) -> list[tuple[str, str]]:
    facts = [
        ("option", typed.option, current.option, current.option),
        ("price", typed.price, current.price, written_amount(current.price)),
        (
            "compare_at_price",
            typed.compare_at_price,
            current.compare_at_price,
            written_amount(current.compare_at_price),
        ),
        ("barcode", typed.barcode, current.barcode, current.barcode or ""),
        ("state", typed.state, current.state, STATES[current.state.value]),
    ]
    return [(name, text or NOTHING) for name, entered, stored, text in facts if entered != stored]
