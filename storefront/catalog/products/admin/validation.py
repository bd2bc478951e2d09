"""Validation of product drafts before they are written; database constraints catch what changes after it."""

from __future__ import annotations

from collections.abc import Collection, Iterator

from sqlalchemy import func, or_, select

from storefront.catalog.models import Category, Product, Variant
from storefront.catalog.products.admin.values import Problem, ProductDraft, ProductRecord, VariantDraft, VariantState
from storefront.core import gtin
from storefront.core.collation import collation_key
from storefront.db.session import read_session

Found = tuple[str, Problem]  # field, and what is wrong with it


def find_problems(draft: ProductDraft, sku: str, known: ProductRecord | None) -> dict[str, Problem]:
    """Return the problems of a draft by field, as in `DraftRefused`.

    :param sku: of the product
    :param known: the current product, None for a new one
    """
    found = [
        *_naming_problems(draft, sku),
        *_spec_problems(draft),
        *_deletion_problems(draft, known),
        *_price_problems(draft),
        *_code_problems(draft, sku, known),
        *_category_problems(draft),
    ]
    return dict(reversed(found))  # of several problems of a field, the first is kept


def _on_sale(draft: ProductDraft) -> list[tuple[int, VariantDraft]]:
    return [(i, v) for i, v in enumerate(draft.variants) if v.state is VariantState.ON_SALE]


def _naming_problems(draft: ProductDraft, sku: str) -> Iterator[Found]:
    """Several variants need an option name and distinct options; a single one must have the product's own SKU."""
    sold = _on_sale(draft)
    if not sold:
        yield "variants", Problem.NONE_ON_SALE
    if not draft.option_name and (len(sold) > 1 or (sold and sold[0][1].sku != sku)):
        yield "option_name", Problem.OPTION_NAME_MISSING
    seen: set[str] = set()
    for i, variant in enumerate(draft.variants):
        if variant.state is VariantState.DELETED:
            continue
        if not variant.option and len(sold) > 1 and variant.state is VariantState.ON_SALE:
            yield f"variants.{i}.option", Problem.OPTION_MISSING
        if variant.option and collation_key(variant.option) in seen:
            yield f"variants.{i}.option", Problem.OPTION_TWICE
        seen.add(collation_key(variant.option))


def _spec_problems(draft: ProductDraft) -> Iterator[Found]:
    seen: set[str] = set()
    for i, (name, _) in enumerate(draft.specs):
        if collation_key(name) in seen:
            yield f"specs.{i}.name", Problem.SPEC_TWICE
        seen.add(collation_key(name))


def _deletion_problems(draft: ProductDraft, known: ProductRecord | None) -> Iterator[Found]:
    deletable = {variant.id for variant in known.variants if variant.can_be_deleted} if known else set()
    for i, variant in enumerate(draft.variants):
        if variant.state is VariantState.DELETED and variant.id is not None and variant.id not in deletable:
            yield f"variants.{i}.state", Problem.NOT_DELETABLE


def _price_problems(draft: ProductDraft) -> Iterator[Found]:
    for i, variant in enumerate(draft.variants):
        if variant.compare_at_price is not None and not variant.compare_at_price > variant.price:
            yield f"variants.{i}.was", Problem.WAS_NOT_HIGHER


def _code_problems(draft: ProductDraft, sku: str, known: ProductRecord | None) -> Iterator[Found]:
    """Each SKU and barcode belongs to one variant of the whole shop, ignoring case; the scanner looks up both."""
    own_id = known.id if known else 0
    skus = [*(v.sku for v in draft.variants if v.id is None), *([] if known else [sku])]
    barcodes = [v.barcode for v in draft.variants if v.barcode and v.state is not VariantState.DELETED]
    taken_skus = _taken_skus(skus, own_id)
    taken_barcodes = _taken_barcodes(barcodes, own_id)
    if known is None and sku.upper() in taken_skus:
        yield "sku", Problem.SKU_TAKEN
    own = {variant.sku.upper() for variant in known.variants} if known else set()
    stored_barcodes = {variant.id: variant.barcode for variant in known.variants} if known else {}
    seen_skus, seen_barcodes = set(own), set()
    for i, variant in enumerate(draft.variants):
        if variant.id is None:
            code = variant.sku.upper()
            if code in seen_skus:
                yield f"variants.{i}.sku", Problem.SKU_TWICE
            elif code in taken_skus:
                yield f"variants.{i}.sku", Problem.SKU_TAKEN
            seen_skus.add(code)
        if variant.barcode and variant.state is not VariantState.DELETED:
            is_stored = variant.barcode == stored_barcodes.get(variant.id or 0)  # perhaps from before this check
            if gtin.canonical(variant.barcode) is None and not is_stored:
                yield f"variants.{i}.barcode", Problem.BARCODE_WRONG
            elif variant.barcode in seen_barcodes or _is_sku_of_another(variant, draft):
                yield f"variants.{i}.barcode", Problem.BARCODE_TWICE
            elif variant.barcode in taken_barcodes:
                yield f"variants.{i}.barcode", Problem.BARCODE_TAKEN
            seen_barcodes.add(variant.barcode)


def _taken_skus(skus: Collection[str], own_id: int) -> set[str]:
    """Return which of these SKUs other products and their variants have, in upper case."""
    if not skus:
        return set()
    wanted = {sku.upper() for sku in skus}
    by_barcode = {gtin.canonical(sku): sku for sku in wanted}
    barcodes = select(Variant.barcode).where(Variant.barcode.in_(wanted), Variant.product_id != own_id)
    variants = select(Variant.sku).where(func.upper(Variant.sku).in_(wanted), Variant.product_id != own_id)
    products = select(Product.sku).where(func.upper(Product.sku).in_(wanted), Product.id != own_id)
    taken = read_session().scalars(variants.union_all(products, barcodes), bind_arguments={"mapper": Variant})
    return {by_barcode.get(code, code.upper()) for code in taken}


def _taken_barcodes(barcodes: Collection[str], own_id: int) -> set[str]:
    if not barcodes:
        return set()
    by_spelling = {spelling: code for code in barcodes for spelling in gtin.spellings(code)}
    others = select(Variant.barcode, Variant.sku).where(
        or_(Variant.barcode.in_(barcodes), Variant.sku.in_(by_spelling)), Variant.product_id != own_id
    )
    return {by_spelling[code] for row in read_session().execute(others) for code in row if code in by_spelling}


def _is_sku_of_another(variant: VariantDraft, draft: ProductDraft) -> bool:
    codes = gtin.spellings(variant.barcode or "")
    return any(other is not variant and other.sku in codes for other in draft.variants)


def _category_problems(draft: ProductDraft) -> Iterator[Found]:
    wanted = set(draft.categories)
    known = read_session().scalar(select(func.count()).select_from(Category).where(Category.id.in_(wanted))) or 0
    if known != len(wanted) or not wanted:
        yield "categories", Problem.UNKNOWN_CATEGORY
