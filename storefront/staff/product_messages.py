"""What the product desk says of a product that somebody else changed: what there is now, beside what was typed."""

from __future__ import annotations

from storefront.catalog.products.admin import ProductRecord, VariantDraft
from storefront.staff.product_forms import ProductForm
from storefront.staff.variant_rows import typed_from

STATES = {"on": "On sale", "off": "Off sale", "delete": "Delete"}
NOTHING = "nothing"


def differences(form: ProductForm, record: ProductRecord) -> dict[str, str]:
    """What stands now where something else was typed, by id of the field."""
    draft = form.draft()
    names = dict(form.places)
    now: dict[str, str] = {}
    for name in ("name", "slug", "brand", "description", "option_name"):
        if getattr(draft, name) != getattr(record, name):
            now[name] = getattr(record, name) or NOTHING
    if draft.categories[0] != record.categories[0]:
        now["category"] = names.get(str(record.categories[0]), NOTHING)
    if set(draft.categories[1:]) != set(record.categories[1:]):
        now["more"] = ", ".join(names.get(str(i), str(i)) for i in record.categories[1:]) or NOTHING
    if draft.specs != record.specs:
        now["specs"] = "; ".join(f"{name}: {value}" for name, value in record.specs) or NOTHING
    known = {variant.id: variant for variant in record.variants}
    for i, row in enumerate(form.variants):
        variant = known.get(row.known.id) if row.known else None
        if variant is not None:
            typed = row.draft(form.currency, form.own_sku)
            now.update({f"variant-{i}-{name}": words for name, words in _variant_differences(typed, variant.draft)})
    return now


def _variant_differences(typed: VariantDraft, stands: VariantDraft) -> list[tuple[str, str]]:
    facts = [
        ("option", typed.option, stands.option, stands.option),
        ("price", typed.price, stands.price, typed_from(stands.price)),
        ("compare_at_price", typed.compare_at_price, stands.compare_at_price, typed_from(stands.compare_at_price)),
        ("barcode", typed.barcode, stands.barcode, stands.barcode or ""),
        ("state", typed.state, stands.state, STATES[stands.state.value]),
    ]
    return [(name, words or NOTHING) for name, mine, theirs, words in facts if mine != theirs]
