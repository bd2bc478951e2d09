"""Forms of the product pages: the filter in the query string, a product with its rows, a scheduled price."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any

from flask import current_app, request, url_for
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
from storefront.core.money import Money
from storefront.staff.stock_forms import MAX_CURSOR_LENGTH, text_from
from storefront.staff.variant_rows import (
    BAD_BARCODE,
    BAD_PRICE,
    BAD_SKU,
    TypedSpec,
    TypedVariant,
    on_one_line,
    read_specs,
    read_variants,
    variant_row,
)
from storefront.web.form_fields import PageForm, moment_from, required
from storefront.web.number_fields import MoneyField

MAX_DESCRIPTION_LENGTH = 16_000  # characters; the column TEXT holds 65,535 bytes
MAX_SLUG_LENGTH = 80
KEY = r"[0-9a-f]{32}\Z"
BLANK_VARIANT, BLANK_SPEC = TypedVariant(), TypedSpec()

_SLUG = re.compile(r"[a-z0-9]+(?:-[a-z0-9]+)*")
_CONTROLS = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u2028\u2029\ufffe\uffff]+")

PROBLEM_TEXTS = {
    Problem.MISSING: "This no longer exists",
    Problem.SKU_TAKEN: "Another product has this SKU",
    Problem.SKU_TWICE: "This SKU is in another row",
    Problem.BARCODE_WRONG: BAD_BARCODE,
    Problem.BARCODE_TAKEN: "Another product has this barcode",
    Problem.BARCODE_TWICE: "This barcode is in another row",
    Problem.OPTION_TWICE: "Another variant has this name",
    Problem.OPTION_MISSING: "Enter a name that tells this variant from the others",
    Problem.OPTION_NAME_MISSING: "Enter what the variants differ in, such as Size",
    Problem.NONE_ON_SALE: "At least one variant must be active. To stop selling all of them, hide the product",
    Problem.WAS_NOT_HIGHER: "The compare-at price must be higher than the price",
    Problem.SPEC_TWICE: "This name is in another row",
    Problem.SPEC_ALIKE: "Two specifications have names that are too similar",
    Problem.NOT_DELETABLE: "This variant has sales or stock movements. Make it inactive instead",
    Problem.UNKNOWN_CATEGORY: "Choose a category from the list",
    Problem.SLUG_TAKEN: "Another category has this URL slug",
    Problem.SLUG_WAS_ANOTHERS: "Another category used this URL slug, and old links still point to it",
    Problem.NAME_TAKEN: "Another category has this name",
    Problem.PAST: "Choose a time in the future. To change the price now, edit the variant",
    Problem.OVERLAPS: "Another scheduled price covers this time",
    Problem.ENDS_BEFORE: "The end must be after the start",
}


def criteria_from(args: MultiDict[str, str]) -> ProductCriteria:
    """Read the filter from the query string. Unknown values fall back to the default, so that old links still work."""
    show, sort = args.get("show", ""), args.get("sort", "")
    return ProductCriteria(
        words=text_from(args, "q"),
        filter=ProductFilter(show) if show in set(ProductFilter) else ProductFilter.ALL,
        order=ProductOrder(sort) if sort in set(ProductOrder) else ProductOrder.NEWEST,
        cursor=args.get("at", "")[:MAX_CURSOR_LENGTH],
    )


def products_url(criteria: ProductCriteria, **changes: Any) -> str:
    """Build the URL of the product list with a part of the filter changed; any change restarts at the first page."""
    changed = replace(criteria, **({"cursor": "", **changes} if changes else {}))
    return url_for(
        "staff.products",
        q=changed.words or None,
        show=None if changed.filter is ProductFilter.ALL else changed.filter.value,
        sort=None if changed.order is ProductOrder.NEWEST else changed.order.value,
        at=changed.cursor or None,
    )


def paragraphs(text: str | None) -> str:
    """Clean multi-line text: control characters removed, line ends normalised."""
    return _CONTROLS.sub(" ", (text or "").replace("\r\n", "\n").replace("\r", "\n")).strip()


def slug_check(form: PageForm, field: Field) -> None:
    """Validate a URL slug; an empty one is valid and is generated from the name."""
    if field.data and not _SLUG.fullmatch(field.data):
        raise ValidationError("Use lowercase letters, digits and single hyphens, such as clay-mug")


class ProductForm(PageForm):
    """The form of a product. `fill` reads its rows, `specs` and `variants`, from the request or from the product.

    :cvar seen: version of the product when the form was opened, to detect a concurrent change
    """

    seen = HiddenField()
    name = StringField("Name", required("Enter a name", products.admin.MAX_PRODUCT_NAME_LENGTH), filters=[on_one_line])
    slug = StringField(
        "URL slug",
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
        "Option name", [Length(max=40, message="Use at most 40 characters")], filters=[on_one_line]
    )
    category = SelectField("Main category", validate_choice=False)
    more = SelectMultipleField("Additional categories", validate_choice=False)

    record: ProductRecord | None
    currency: str
    specs: list[TypedSpec]
    variants: list[TypedVariant]

    def fill(self, record: ProductRecord | None, categories: Sequence[CategoryRecord], *, sent: bool) -> None:
        """Fill in the category choices and the rows.

        :param sent: take the rows from the request, not from `record`
        """
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
        """The version of the product that the form was opened with; 0, which no product has, when it is unreadable."""
        typed = self.seen.data or ""
        return int(typed) if re.fullmatch(r"[0-9]{1,9}", typed) else 0

    @property
    def proposed_slug(self) -> str:
        return products.admin.slugify(self.name.data or "")

    @property
    def row_problems(self) -> list[tuple[str, str]]:
        """Field id and text of each error in a row."""
        problems = []
        for i, row in enumerate(self.variants):
            label = row.sku or row.option or "New variant"
            problems += [(f"variant-{i}-{name}", f"{label}: {text}") for name, text in row.problems.items()]
        for i, spec in enumerate(self.specs):
            label = spec.name or spec.value
            problems += [(f"spec-{i}-{name}", f"{label}: {text}") for name, text in spec.problems.items()]
        return problems

    def validate_all(self) -> bool:
        """Validate the fields and the rows, adding an error to each that is wrong."""
        self.validate()
        ids = {choice for choice, _ in self.category_choices}
        if self.category.data not in ids:
            self._add(self.category, "Choose a category")
        self.more.data = [choice for choice in self.more.data or [] if choice in ids]
        if len(self.variants) > products.admin.MAX_VARIANTS or len(self.specs) > products.admin.MAX_SPECS:
            self.form_errors.append(
                f"Use at most {products.admin.MAX_VARIANTS} variants and {products.admin.MAX_SPECS} specifications"
            )
        self._require_skus()
        return not (self.errors or self.row_problems)

    @property
    def category_choices(self) -> list[tuple[str, str]]:
        return [(str(choice[0]), str(choice[1])) for choice in self.category.choices or []]

    @property
    def own_sku(self) -> str:
        return self.record.sku if self.record else ""

    def _require_skus(self) -> None:
        """Require a SKU of each new variant; the only variant of a new product takes the SKU of the product."""
        typed = [i for i, row in enumerate(self.variants) if not row.is_empty]
        for i in typed:
            row = self.variants[i]
            if row.known is None and not row.sku and (self.record is not None or len(typed) > 1):
                self.variants[i] = replace(row, problems={"sku": "Enter a SKU", **row.problems})
        if not typed:
            self.variants[0] = replace(self.variants[0], problems={"price": BAD_PRICE})

    def draft(self) -> ProductDraft:
        """The product as entered; only after `validate_all` succeeded."""
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
        """Add the errors of the catalogue to the fields.

        :param problems: by field, such as "slug" or "variants.0.sku"; rows are counted without empty ones
        """
        self.variants = [row for row in self.variants if not row.is_empty] or [BLANK_VARIANT]
        self.specs = [row for row in self.specs if not row.is_empty] or [BLANK_SPEC]
        for field_name, problem in problems.items():
            kind, _, rest = field_name.partition(".")
            number, _, name = rest.partition(".")
            if kind == "variants" and number.isdigit() and int(number) < len(self.variants):
                row = self.variants[int(number)]
                self.variants[int(number)] = replace(row, problems={**row.problems, name: PROBLEM_TEXTS[problem]})
            elif kind == "specs" and number.isdigit() and int(number) < len(self.specs):
                spec = self.specs[int(number)]
                self.specs[int(number)] = replace(spec, problems={**spec.problems, name: PROBLEM_TEXTS[problem]})
            elif kind in {"sku", "slug", "option_name"} and kind in self:
                self._add(self[kind], PROBLEM_TEXTS[problem])
            elif kind == "categories":
                self._add(self.category, PROBLEM_TEXTS[problem])
            else:
                self.form_errors.append(PROBLEM_TEXTS[problem])

    def merge_variants(self, record: ProductRecord) -> None:
        """Add the variants that somebody else added meanwhile to the submitted rows."""
        self.record = record
        submitted = {row.known.id for row in self.variants if row.known}
        self.variants += [variant_row(variant) for variant in record.variants if variant.id not in submitted]

    @staticmethod
    def _add(field: Field, error: str) -> None:
        field.errors = [*field.errors, error]


class NewProductForm(ProductForm):
    """The form of a product to create.

    :cvar key: idempotency key: a second submit creates nothing
    """

    key = HiddenField(validators=[Regexp(KEY)])
    sku = StringField("SKU", required("Enter a SKU", products.admin.MAX_SKU_LENGTH), filters=[on_one_line])
    is_published = BooleanField("Publish now")

    def validate_sku(self, field: Field) -> None:
        if not products.admin.is_sku(field.data or ""):
            raise ValidationError(BAD_SKU)

    @property
    def own_sku(self) -> str:
        return self.sku.data or ""


class PublicationForm(PageForm):
    """The button that publishes or hides a product."""

    publish = HiddenField(validators=[Regexp(r"[01]\Z")])


class ScheduledPriceForm(PageForm):
    """A price that starts later. Times are in the shop's time zone."""

    variant = SelectField("Variant", validate_choice=False)
    price = MoneyField("New price", least=1, most=products.admin.MAX_MINOR_UNITS, required=BAD_PRICE)
    compare_at_price = MoneyField("Compare-at price", least=1, most=products.admin.MAX_MINOR_UNITS)
    starts_at = StringField("Starts", filters=[on_one_line])
    ends_at = StringField("Ends", filters=[on_one_line])

    def offer(self, record: ProductRecord) -> None:
        """Fill in the variants to choose from."""
        self.variant.choices = [
            (str(v.id), f"{v.sku}  {v.option}" if v.option else v.sku) for v in record.variants if not v.is_withdrawn
        ]

    def read(self) -> tuple[int, Money, Money | None, datetime, datetime | None] | None:
        """Validate the fields.

        :return: variant id, price, compare-at price, start and end; None when a field has an error
        """
        self.validate()
        choices: Any = self.variant.choices
        if self.variant.data not in {choice for choice, _ in choices}:
            self.variant.errors = ["Choose a variant"]
        starts_at, ends_at = moment_from(self.starts_at), moment_from(self.ends_at)
        if not self.starts_at.data:
            self.starts_at.errors = ["Enter a date and time"]
        if self.errors or self.price.data is None or starts_at is None:
            return None
        return int(self.variant.data or 0), self.price.data, self.compare_at_price.data, starts_at, ends_at

    def explain(self, problems: Mapping[str, Problem]) -> None:
        """Add the errors of the catalogue to the fields."""
        for name, problem in problems.items():
            self[name].errors = [*self[name].errors, PROBLEM_TEXTS[problem]]
