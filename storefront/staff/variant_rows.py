"""The variant and specification rows of the product form, parsed without WTForms since their number varies."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace

from werkzeug.datastructures import MultiDict

from storefront.catalog import products
from storefront.catalog.products.admin import ProductRecord, VariantDraft, VariantRecord, VariantState
from storefront.core import gtin
from storefront.core.money import Money
from storefront.web.form_fields import squeeze
from storefront.web.number_fields import NumberRefused, read_money, read_quantity, written_amount

_CONTROLS = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029\ufffe\uffff]+")
MAX_LENGTH = {"option": 80, "spec name": 80, "spec value": 255}
MAX_ECHOED = 300  # characters of a value that are shown again, so that a huge one does not bloat the page

BAD_PRICE = "Enter a price such as 499 or 499.50"  # of a product without any variant
BAD_BARCODE = (
    "A barcode has 8, 12, 13 or 14 digits, and its last digit must fit the others. Check it for a typing error"
)
BAD_SKU = f"{products.admin.SKU_HINT}. At most {products.admin.MAX_SKU_LENGTH} characters"


def on_one_line(text: str | None) -> str:
    """Clean single-line text: control characters and repeated spaces removed."""
    return squeeze(_CONTROLS.sub(" ", text or ""))


def price_from(typed: str, currency: str) -> Money:
    """Read a price such as "1,299.50" or "₹499".

    :raise NumberRefused: it is no price, zero, above the maximum, or can be read in two ways
    """
    return read_money(typed, currency, least=Money(1, currency), most=Money(products.admin.MAX_MINOR_UNITS, currency))


@dataclass(frozen=True, slots=True)
class TypedSpec:
    """A specification row.

    :ivar problems: error by field, "name" or "value"
    """

    name: str = ""
    value: str = ""
    problems: Mapping[str, str] = field(default_factory=dict)

    @property
    def is_empty(self) -> bool:
        return not (self.name or self.value)


@dataclass(frozen=True, slots=True)
class TypedVariant:
    """A variant row.

    :ivar known: the stored variant; None for a new one
    :ivar problems: error by field
    """

    known: VariantRecord | None = None
    sku: str = ""
    option: str = ""
    price: str = ""
    compare_at_price: str = ""
    barcode: str = ""
    state: str = VariantState.ON_SALE.value
    stock: str = ""
    problems: Mapping[str, str] = field(default_factory=dict)

    @property
    def is_empty(self) -> bool:
        """Whether it is a new row with nothing entered."""
        return self.known is None and not (
            self.sku or self.option or self.price or self.compare_at_price or self.barcode or self.stock
        )

    def draft(self, currency: str, own_sku: str) -> VariantDraft:
        """The variant as entered; only of a row without problems.

        :param own_sku: SKU for a row that has none
        """
        return VariantDraft(
            id=self.known.id if self.known else None,
            sku=self.known.sku if self.known else self.sku or own_sku,
            option=self.option,
            price=price_from(self.price, currency),
            compare_at_price=price_from(self.compare_at_price, currency) if self.compare_at_price else None,
            barcode=self.barcode or None,
            state=VariantState(self.state),
            stock=read_quantity(self.stock, most=products.admin.MAX_STOCK) if self.stock else 0,
        )


def variant_row(known: VariantRecord) -> TypedVariant:
    """Make the row of a stored variant."""
    return TypedVariant(
        known=known,
        sku=known.sku,
        option=known.option,
        price=written_amount(known.price),
        compare_at_price=written_amount(known.compare_at_price),
        barcode=known.barcode or "",
        state=known.draft.state.value,
    )


def _numbers(form: MultiDict[str, str], pattern: str, limit: int) -> Iterator[int]:
    """Yield the numbers of the submitted rows in order; one above `limit`, so that the excess is noticed."""
    numbers = {int(match[1]) for name in form if (match := re.fullmatch(pattern, name))}
    yield from sorted(numbers)[: limit + 1]


def read_specs(form: MultiDict[str, str]) -> list[TypedSpec]:
    """Read the submitted specification rows, validated."""
    rows = []
    for number in _numbers(form, r"spec-([0-9]{1,4})-name", products.admin.MAX_SPECS):
        name = on_one_line(form.get(f"spec-{number}-name"))
        value = on_one_line(form.get(f"spec-{number}-value"))
        rows.append(_validated_spec(TypedSpec(name[:MAX_ECHOED], value[:MAX_ECHOED])))
    return rows


def _validated_spec(row: TypedSpec) -> TypedSpec:
    problems = {}
    if row.value and not row.name:
        problems["name"] = "Enter a name"
    elif len(row.name) > MAX_LENGTH["spec name"]:
        problems["name"] = f"Use at most {MAX_LENGTH['spec name']} characters"
    if row.name and not row.value:
        problems["value"] = "Enter a value, or clear the name"
    elif len(row.value) > MAX_LENGTH["spec value"]:
        problems["value"] = f"Use at most {MAX_LENGTH['spec value']} characters"
    return replace(row, problems=problems)


def read_variants(form: MultiDict[str, str], record: ProductRecord | None, currency: str) -> list[TypedVariant]:
    """Read the submitted variant rows, validated; ids of variants of other products are ignored."""
    known = {str(variant.id): variant for variant in record.variants} if record else {}
    rows = []
    for number in _numbers(form, r"variant-([0-9]{1,4})-price", products.admin.MAX_VARIANTS):

        def sent(name: str, number: int = number) -> str:
            return on_one_line(form.get(f"variant-{number}-{name}"))[:MAX_ECHOED]

        given = sent("id")
        if given and given not in known:
            continue
        own = known.get(given)
        row = TypedVariant(
            known=own,
            sku=own.sku if own else sent("sku"),
            option=sent("option"),
            price=sent("price"),
            compare_at_price=sent("compare_at_price"),
            barcode=gtin.canonical(sent("barcode")) or sent("barcode"),
            state=sent("state") or VariantState.ON_SALE.value,
            stock="" if own else sent("stock"),
        )
        rows.append(row)
    return [row if row.is_empty else validated_variant(row, currency) for row in rows]


def validated_variant(row: TypedVariant, currency: str) -> TypedVariant:
    """Validate a row by itself; what depends on other rows or products is checked by the catalogue."""
    problems = {}
    if row.known is None and row.sku and not products.admin.is_sku(row.sku):
        problems["sku"] = BAD_SKU
    if len(row.option) > MAX_LENGTH["option"]:
        problems["option"] = f"Use at most {MAX_LENGTH['option']} characters"
    for name in ("price", "compare_at_price", "stock"):
        if problem := _figure_problem(row, name, currency):
            problems[name] = problem
    is_stored = row.known is not None and row.barcode == row.known.barcode  # perhaps from before this check
    if row.barcode and gtin.canonical(row.barcode) is None and not is_stored:
        problems["barcode"] = BAD_BARCODE
    if row.state not in set(VariantState):
        problems["state"] = "Choose a state from the list"
    return replace(row, problems=problems)


def _figure_problem(row: TypedVariant, name: str, currency: str) -> str:
    """Why a price or the initial stock cannot be taken; empty for a good one. Only the price must be entered."""
    typed = getattr(row, name)
    try:
        if name == "stock" and typed:
            read_quantity(typed, most=products.admin.MAX_STOCK)
        elif name == "price" or typed:
            price_from(typed, currency)
    except NumberRefused as refusal:
        return str(refusal)
    return ""
