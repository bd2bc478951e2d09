"""What the product desk accepts: its query string, the form of a product, a planned price."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

from flask import current_app, request, url_for
from flask_wtf import FlaskForm
from werkzeug.datastructures import MultiDict
from wtforms import BooleanField, Field, HiddenField, SelectField, SelectMultipleField, StringField, TextAreaField
from wtforms.validators import Length, Regexp, ValidationError

from storefront.catalog import products
from storefront.catalog.products.admin import (
    CategoryRecord,
    Problem,
    ProductCriteria,
    ProductDraft,
    ProductFilter,
    ProductOrder,
    ProductRecord,
)
from storefront.core import clock
from storefront.core.money import Money
from storefront.staff.stock_forms import MAX_CURSOR_LENGTH, text_from
from storefront.staff.variant_rows import (
    BAD_PRICE,
    BAD_SKU,
    SKU_PATTERN,
    TypedSpec,
    TypedVariant,
    money_from,
    on_one_line,
    read_specs,
    read_variants,
    variant_row,
)
from storefront.web.form_fields import required

MAX_DESCRIPTION_LENGTH = 16_000  # characters; TEXT has room for 65,535 bytes
MAX_SLUG_LENGTH = 80
KEY = r"[0-9a-f]{32}\Z"
BLANK_VARIANT, BLANK_SPEC = TypedVariant(), TypedSpec()

_SLUG = re.compile(r"[a-z0-9]+(?:-[a-z0-9]+)*")
_CONTROLS = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u2028\u2029\ufffe\uffff]+")

WORDS = {
    Problem.MISSING: "It is gone",
    Problem.SKU_TAKEN: "Another product carries this SKU",
    Problem.SKU_TWICE: "This SKU stands in another row",
    Problem.BARCODE_TAKEN: "Another product carries this barcode",
    Problem.BARCODE_TWICE: "This barcode stands in another row",
    Problem.OPTION_TWICE: "Another variant is called so",
    Problem.OPTION_MISSING: "Say what tells it from the others",
    Problem.OPTION_NAME_MISSING: "Say what the variants differ in, such as Size",
    Problem.NONE_ON_SALE: "One variant must be on sale; to take all of it off, hide the product",
    Problem.WAS_NOT_HIGHER: "The old price must be the higher one",
    Problem.SPEC_TWICE: "This name stands in another row",
    Problem.SPEC_ALIKE: "Two specifications have names that are too much alike",
    Problem.NOT_DELETABLE: "It was sold or counted: take it off sale instead",
    Problem.UNKNOWN_CATEGORY: "Choose a category that there is",
    Problem.SLUG_TAKEN: "Another category has this address",
    Problem.SLUG_WAS_ANOTHERS: "Old links to another category lead here",
    Problem.NAME_TAKEN: "Another category is called so",
    Problem.PAST: "That is past; to change the price now, type it above",
    Problem.OVERLAPS: "Another planned price is on at that time",
    Problem.ENDS_BEFORE: "It must end after it begins",
}


def criteria_from(args: MultiDict[str, str]) -> ProductCriteria:
    """What the address of the list asks for. A value that is none of ours falls back: a kept link must not break."""
    show, sort = args.get("show", ""), args.get("sort", "")
    return ProductCriteria(
        words=text_from(args, "q"),
        filter=ProductFilter(show) if show in set(ProductFilter) else ProductFilter.ALL,
        order=ProductOrder(sort) if sort in set(ProductOrder) else ProductOrder.NEWEST,
        cursor=args.get("at", "")[:MAX_CURSOR_LENGTH],
    )


def products_url(criteria: ProductCriteria, **changes: Any) -> str:
    """The address of the list with something changed; any change but of the place starts at the first page."""
    changed = replace(criteria, **({"cursor": "", **changes} if changes else {}))
    return url_for(
        "staff.products",
        q=changed.words or None,
        show=None if changed.filter is ProductFilter.ALL else changed.filter.value,
        sort=None if changed.order is ProductOrder.NEWEST else changed.order.value,
        at=changed.cursor or None,
    )


def paragraphs(text: str | None) -> str:
    """Text of several lines, without what no page may show."""
    return _CONTROLS.sub(" ", (text or "").replace("\r\n", "\n").replace("\r", "\n")).strip()


def slug_check(form: FlaskForm, field: Field) -> None:
    """An address is made of small letters, digits and hyphens; an empty one is made of the name."""
    if field.data and not _SLUG.fullmatch(field.data):
        raise ValidationError("Use small letters, digits and single hyphens, such as clay-mug")


class ProductForm(FlaskForm):
    """The fields of a product that there are once; `specs` and `variants` are its rows.

    `open` makes one, filled in from what was sent or from the product as it stands.
    """

    seen = HiddenField()
    name = StringField("Name", required("Enter a name", products.admin.MAX_PRODUCT_NAME_LENGTH), filters=[on_one_line])
    slug = StringField(
        "Address",
        [Length(max=MAX_SLUG_LENGTH, message=f"Use at most {MAX_SLUG_LENGTH} characters"), slug_check],
        filters=[on_one_line],
    )
    brand = StringField(
        "Brand",
        [
            Length(
                max=products.admin.MAX_BRAND_LENGTH, message=f"Use at most {products.admin.MAX_BRAND_LENGTH} characters"
            )
        ],
        filters=[on_one_line],
    )
    description = TextAreaField(
        "Description",
        [Length(max=MAX_DESCRIPTION_LENGTH, message=f"Use at most {MAX_DESCRIPTION_LENGTH:,} characters")],
        filters=[paragraphs],
    )
    option_name = StringField(
        "Variants differ in", [Length(max=40, message="Use at most 40 characters")], filters=[on_one_line]
    )
    category = SelectField("Main category", validate_choice=False)
    more = SelectMultipleField("Also in", validate_choice=False)

    record: ProductRecord | None
    currency: str
    specs: list[TypedSpec]
    variants: list[TypedVariant]

    def fill(self, record: ProductRecord | None, categories: Sequence[CategoryRecord], *, sent: bool) -> None:
        """Take the rows that were sent, or those of the product as it stands."""
        self.record = record
        self.currency = record.currency if record else current_app.config["CURRENCY"]
        choices = [(str(category.id), category.name) for category in categories]
        self.category.choices = choices
        self.more.choices = choices
        if sent:
            self.specs, self.variants = read_specs(request.form), read_variants(request.form, record, self.currency)
        elif record is not None:
            self.specs = [TypedSpec(name, value) for name, value in record.specs]
            self.variants = [variant_row(variant) for variant in record.variants]
        else:
            self.specs, self.variants = [], []
        if not self.variants:
            self.variants = [BLANK_VARIANT]
        if not self.specs:
            self.specs = [BLANK_SPEC]

    @property
    def version(self) -> int:
        """The version that was looked at; one that never was when the field holds none."""
        typed = self.seen.data or ""
        return int(typed) if re.fullmatch(r"[0-9]{1,9}", typed) else 0

    @property
    def proposed_slug(self) -> str:
        return products.admin.slugify(self.name.data or "")

    @property
    def row_problems(self) -> list[tuple[str, str]]:
        """Id of each field of a row that is wrong, and what is wrong with it."""
        found = []
        for i, row in enumerate(self.variants):
            called = row.sku or row.option or "A new variant"
            found += [(f"variant-{i}-{name}", f"{called}: {text}") for name, text in row.problems.items()]
        for i, spec in enumerate(self.specs):
            called = spec.name or spec.value
            found += [(f"spec-{i}-{name}", f"{called}: {text}") for name, text in spec.problems.items()]
        return found

    def is_sound(self) -> bool:
        """Whether all of it can be read. Says beside each field what cannot."""
        self.validate()
        ids = {choice for choice, _ in self.places}
        if self.category.data not in ids:
            self._add(self.category, "Choose a category")
        self.more.data = [choice for choice in self.more.data or [] if choice in ids]
        if len(self.variants) > products.admin.MAX_VARIANTS or len(self.specs) > products.admin.MAX_SPECS:
            self.form_errors.append(f"At most {products.admin.MAX_VARIANTS} rows of a kind")
        self._name_variants()
        return not (self.errors or self.row_problems)

    @property
    def places(self) -> list[tuple[str, str]]:
        return [(str(choice[0]), str(choice[1])) for choice in self.category.choices or []]

    @property
    def own_sku(self) -> str:
        return self.record.sku if self.record else ""

    def _name_variants(self) -> None:
        """Each new variant needs a SKU; of a product with one the product's own is taken."""
        typed = [i for i, row in enumerate(self.variants) if not row.is_empty]
        for i in typed:
            row = self.variants[i]
            if row.known is None and not row.sku and (self.record is not None or len(typed) > 1):
                self.variants[i] = replace(row, problems={"sku": "Enter a SKU", **row.problems})
        if not typed:
            self.variants[0] = replace(self.variants[0], problems={"price": BAD_PRICE})

    def draft(self) -> ProductDraft:
        """How the product should stand; of a form that is sound."""
        ids = [int(self.category.data or 0), *(int(choice) for choice in self.more.data or [])]
        return ProductDraft(
            name=self.name.data or "",
            slug=self.slug.data or self.proposed_slug,
            brand=self.brand.data or "",
            description=self.description.data or "",
            option_name=self.option_name.data or "",
            categories=tuple(dict.fromkeys(ids)),
            specs=tuple((spec.name, spec.value) for spec in self.specs if not spec.is_empty),
            variants=tuple(row.draft(self.currency, self.own_sku) for row in self.variants if not row.is_empty),
        )

    def explain(self, problems: Mapping[str, Problem]) -> None:
        """Say beside each field what the catalogue had against it. Rows count without those that are empty."""
        self.variants = [row for row in self.variants if not row.is_empty] or [BLANK_VARIANT]
        self.specs = [row for row in self.specs if not row.is_empty] or [BLANK_SPEC]
        for place, problem in problems.items():
            kind, _, rest = place.partition(".")
            number, _, name = rest.partition(".")
            if kind == "variants" and number.isdigit() and int(number) < len(self.variants):
                row = self.variants[int(number)]
                self.variants[int(number)] = replace(row, problems={**row.problems, name: WORDS[problem]})
            elif kind == "specs" and number.isdigit() and int(number) < len(self.specs):
                spec = self.specs[int(number)]
                self.specs[int(number)] = replace(spec, problems={**spec.problems, name: WORDS[problem]})
            elif kind in {"sku", "slug", "option_name"} and kind in self:
                self._add(self[kind], WORDS[problem])
            elif kind == "categories":
                self._add(self.category, WORDS[problem])
            else:
                self.form_errors.append(WORDS[problem])

    def take_over(self, record: ProductRecord) -> None:
        """Show variants that somebody added meanwhile among those that were typed."""
        self.record = record
        named = {row.known.id for row in self.variants if row.known}
        self.variants += [variant_row(variant) for variant in record.variants if variant.id not in named]

    @staticmethod
    def _add(field: Field, words: str) -> None:
        field.errors = [*field.errors, words]


class NewProductForm(ProductForm):
    key = HiddenField(validators=[Regexp(KEY)])
    sku = StringField(
        "SKU", required("Enter a SKU", products.admin.MAX_SKU_LENGTH), filters=[lambda text: on_one_line(text).upper()]
    )
    is_published = BooleanField("Put it on sale at once")

    def validate_sku(self, field: Field) -> None:
        if not SKU_PATTERN.fullmatch(field.data or ""):
            raise ValidationError(BAD_SKU)

    @property
    def own_sku(self) -> str:
        return self.sku.data or ""


class PublicationForm(FlaskForm):
    """Whether a product is to be on sale."""

    publish = HiddenField(validators=[Regexp(r"[01]\Z")])


class ScheduledPriceForm(FlaskForm):
    """A price that begins later; moments are those of the shop's time zone."""

    variant = SelectField("Variant", validate_choice=False)
    price = StringField("New price", filters=[on_one_line])
    compare_at_price = StringField("Old price to show", filters=[on_one_line])
    starts_at = StringField("From", filters=[on_one_line])
    ends_at = StringField("Until", filters=[on_one_line])

    def offer(self, record: ProductRecord) -> None:
        """Name the variants to choose from."""
        self.variant.choices = [
            (str(v.id), f"{v.sku}  {v.option}" if v.option else v.sku) for v in record.variants if not v.is_withdrawn
        ]

    def read(self, currency: str) -> tuple[int, Money, Money | None, datetime, datetime | None] | None:
        """What is planned; None when it cannot be read, which it says beside the fields."""
        self.validate()
        choices: Any = self.variant.choices
        if self.variant.data not in {choice for choice, _ in choices}:
            self.variant.errors = ["Choose a variant"]
        price = money_from(self.price.data or "", currency)
        compare_at_price = money_from(self.compare_at_price.data, currency) if self.compare_at_price.data else None
        if price is None:
            self.price.errors = [BAD_PRICE]
        if self.compare_at_price.data and compare_at_price is None:
            self.compare_at_price.errors = [BAD_PRICE]
        starts_at, ends_at = _moment(self.starts_at.data), _moment(self.ends_at.data)
        if starts_at is None:
            self.starts_at.errors = ["Enter a day and time"]
        if self.ends_at.data and ends_at is None:
            self.ends_at.errors = ["Enter a day and time, or nothing"]
        if self.errors or price is None or starts_at is None:
            return None
        return int(self.variant.data or 0), price, compare_at_price, starts_at, ends_at

    def explain(self, problems: Mapping[str, Problem]) -> None:
        """Say beside each field what the catalogue had against it."""
        for place, problem in problems.items():
            self[place].errors = [*self[place].errors, WORDS[problem]]


def _moment(typed: str | None) -> datetime | None:
    """A moment of the shop's time zone, as a browser sends it."""
    if not re.fullmatch(r"[0-9]{4}-[0-9]{2}-[0-9]{2}[T ][0-9]{2}:[0-9]{2}(?::[0-9]{2})?", typed or ""):
        return None
    try:
        moment = datetime.fromisoformat(typed or "")
    except ValueError:
        return None
    if not 2000 <= moment.year < 3000:
        return None
    return moment.replace(tzinfo=clock.shop_zone()).astimezone(UTC)
