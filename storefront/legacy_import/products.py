"""Imports categories, products, images and reviews."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date
from functools import partial

from storefront.accounts import service as accounts
from storefront.catalog import inventory, media, reviews
from storefront.catalog import service as catalog
from storefront.catalog.products import NewProduct, NewReview, NewVariant
from storefront.catalog.values import Sku
from storefront.core.clock import day_of
from storefront.core.collation import collation_key
from storefront.core.image_processing import ImageTooLarge, InvalidImage
from storefront.db.import_log import BatchResult
from storefront.legacy_import import column_names
from storefront.legacy_import.import_run import Run, grouped, identity, number, numbers
from storefront.legacy_import.source import OldTable, Row
from storefront.legacy_import.values import (
    Notes,
    UnusableValue,
    amount,
    day,
    flag,
    line,
    prose,
    safe,
    text,
    whole,
    words,
)
from storefront.orders import service as orders

CATEGORIES, PRODUCTS, PICTURES, REVIEWS = "categories", "products", "pictures", "reviews"
ACTOR = "import from the old shop"
ANONYMOUS = "Anonymous User"  # contract/angular-api.md 5.2, no. 14
PICTURES_AT_ONCE = 10
MAX_DESCRIPTION_LENGTH = 16_000  # characters; TEXT has room for 65,535 bytes
MAX_CATEGORY_LENGTH, MAX_SPEC_LENGTH, MAX_SPEC_VALUE_LENGTH, MAX_AUTHOR_LENGTH = 80, 80, 255, 80
MAX_VOTES = 999_999_999

RowsByProduct = Mapping[str, Sequence[Row]]


def import_categories(run: Run) -> dict[str, str]:
    """Import categories.

    :return: the slug of each category here, by its old id as text, and by its name
    """
    slugs: dict[str, str] = {}
    for rows in run.batches(CATEGORIES, column_names.CATEGORIES):
        made = run.build(CATEGORIES, rows, _category)
        known, result = catalog.legacy_import.import_categories(made)
        slugs |= {str(old): slug for old, slug in known.items()}
        slugs |= {category.name: known[category.id] for category in made if category.id in known}
        run.report_batch(CATEGORIES, result)
    return slugs


def _category(row: Row, notes: Notes) -> catalog.legacy_import.OldCategory:
    name = line(row["name"], MAX_CATEGORY_LENGTH, "name", notes)
    if not name:
        raise UnusableValue("it has no name")
    return catalog.legacy_import.OldCategory(identity(row), name, words(row.get("description"), notes)[:255])


def import_products(run: Run, slugs: Mapping[str, str]) -> None:
    """Import products, keeping their ids.

    :param slugs: of the categories, as `import_categories` gives them
    """
    memberships, specs = (
        run.table("categories of products", column_names.MEMBERSHIPS),
        run.table("specs", column_names.SPECS),
    )
    for rows in run.batches(PRODUCTS, column_names.PRODUCTS):
        ids = numbers(rows, "id")
        places = grouped(memberships.rows_of("product_id", ids), "product_id") if memberships else {}
        details = grouped(specs.rows_of("product_id", ids), "product_id") if specs else {}
        made = run.build(PRODUCTS, rows, partial(_product, run, slugs, places, details))
        run.report_batch(PRODUCTS, catalog.legacy_import.import_products(made, actor=ACTOR))


def _product(
    run: Run, slugs: Mapping[str, str], places: RowsByProduct, details: RowsByProduct, row: Row, notes: Notes
) -> NewProduct:
    name = line(row["name"], catalog.legacy_import.MAX_PRODUCT_NAME_LENGTH, "name", notes)
    if not name:
        raise UnusableValue("it has no name")
    currency = text(row.get("currency")).upper() or run.currency
    if currency != run.currency:
        raise UnusableValue(f"its price is not in {run.currency}")
    price = amount(row["price"], "price", currency, notes)
    if not price:
        raise UnusableValue("it has no price")
    key, sku = str(row["id"]), _sku(row, notes)
    status = text(row.get("status")).upper().replace("-", "_")
    return NewProduct(
        id=identity(row),
        sku=sku,
        name=name,
        brand=line(row.get("brand"), catalog.legacy_import.MAX_BRAND_LENGTH, "brand", notes),
        description=prose(row.get("description"), notes)[:MAX_DESCRIPTION_LENGTH],
        categories=_categories(row, slugs, places.get(key, ())),
        variants=(NewVariant(sku, "", price, _units(row, notes)),),
        published_on=_published_on(run, row, notes),
        specs=_specs(details.get(key, ()), notes),
        is_published=row.get("active") is None or flag(row["active"], "on sale", notes),
        is_preorder=status in {"PREORDER", "PRE_ORDER"},
    )


def _sku(row: Row, notes: Notes) -> Sku:
    code = text(row.get("sku"))
    if not code:
        notes.append("it had no SKU: one was made from its id")
        return Sku(f"OLD-{identity(row)}")
    if len(code) > catalog.legacy_import.MAX_SKU_LENGTH or safe(code) != code:
        raise UnusableValue(
            f"its SKU has more than {catalog.legacy_import.MAX_SKU_LENGTH} characters, or is a card number"
        )
    return Sku(code)


def _published_on(run: Run, row: Row, notes: Notes) -> date:
    return day(row.get("created_at"), run.zone) or day_of(run.at(row, notes, "created_at"))


def _units(row: Row, notes: Notes) -> int:
    units = whole(row.get("stock"))
    if units is None or units < 0:
        notes.append("its stock was invalid: set to 0")
        return 0
    most = inventory.admin.MAX_UNITS
    if units > most:
        notes.append(f"its stock was too large: set to {most:,}")
    return min(units, most)


def _categories(row: Row, slugs: Mapping[str, str], places: Sequence[Row]) -> tuple[str, ...]:
    """The category in the row of the product first, then the others, without duplicates."""
    named = [row.get("category_id"), *(place.get("category_id") or place.get("name") for place in places)]
    return tuple(dict.fromkeys(slugs[words(each)] for each in named if words(each) in slugs))


def _specs(rows: Sequence[Row], notes: Notes) -> tuple[tuple[str, str], ...]:
    """Specs with distinct names. The database takes "Größe" and "grosse" for the same name: the first is kept."""
    specs: dict[str, tuple[str, str]] = {}
    for row in rows:
        name = words(row["name"], notes)[:MAX_SPEC_LENGTH]
        value = words(row["value"], notes)[:MAX_SPEC_VALUE_LENGTH]
        if name and value:
            specs.setdefault(collation_key(name), (name, value))
    return tuple(specs.values())


def import_pictures(run: Run) -> None:
    """Import images, each re-encoded. Only data of images that are missing here is read."""
    table = run.table(PICTURES, column_names.IMAGES)
    if table is None:
        return
    for rows in run.batches_of(PICTURES, table.without("data")):
        known = catalog.legacy_import.arrived_pictures(numbers(rows, "id"))
        run.report.tally(PICTURES).known += len(known)
        imported = catalog.legacy_import.arrived_products(numbers(rows, "product_id"))
        for row in rows:
            if whole(row["product_id"]) not in imported and whole(row["id"]) not in known:
                run.report.skip(PICTURES, row["id"], "its product was not imported")
        missing = [row for row in rows if whole(row["id"]) not in known and whole(row["product_id"]) in imported]
        for start in range(0, len(missing), PICTURES_AT_ONCE):
            _add_pictures(run, table, missing[start : start + PICTURES_AT_ONCE])


def _add_pictures(run: Run, table: OldTable, rows: Sequence[Row]) -> None:
    result = BatchResult()
    for row in table.rows_of("id", [row["id"] for row in rows]):
        try:
            media.add_picture(number(row, "product_id"), _bytes(row), words(row.get("alt")))
            result.added.append(identity(row))
        except UnusableValue as error:
            run.report.skip(PICTURES, row["id"], error.reason)
        except (InvalidImage, ImageTooLarge):
            run.report.skip(PICTURES, row["id"], "it is not a valid image, or too large")
    catalog.legacy_import.note_pictures(result.added)
    run.report_batch(PICTURES, result)


def _bytes(row: Row) -> bytes:
    data = row.get("data")
    if isinstance(data, bytes | bytearray) and data:
        return bytes(data)
    if text(row.get("url")):
        # The content security policy allows images of the shop only, and paths of the old shop do not exist here.
        raise UnusableValue("it is a URL of an external image")
    raise UnusableValue("it has no data")


def import_reviews(run: Run) -> None:
    """Import reviews; after the orders, which tell who is a verified buyer."""
    for rows in run.batches(REVIEWS, column_names.REVIEWS):
        authors = accounts.legacy_import.imported_accounts(numbers(rows, "user_id"))
        bought = orders.legacy_import.received(authors, numbers(rows, "product_id"))
        made = run.build(REVIEWS, rows, partial(_review, run, authors, bought))
        run.report_batch(REVIEWS, catalog.legacy_import.import_reviews(made))


def _review(
    run: Run, authors: set[int], bought: set[tuple[int, int]], row: Row, notes: Notes
) -> catalog.legacy_import.OldReview:
    author, product = number(row, "user_id"), number(row, "product_id")
    if author not in authors:
        raise UnusableValue("its author's account was not imported")
    comment = prose(row.get("comment"), notes)[:MAX_DESCRIPTION_LENGTH]
    title = line(row.get("title"), reviews.MAX_TITLE_LENGTH, "headline", notes)
    if not comment and not title:
        raise UnusableValue("it has no text")
    review = NewReview(
        user_id=author,
        user_name=words(row.get("author"), notes)[:MAX_AUTHOR_LENGTH] or ANONYMOUS,
        rating=_stars(row),
        title=title or text(comment)[:MAX_AUTHOR_LENGTH],
        comment=comment or title,
        is_verified=(author, product) in bought,
        helpful_count=min(MAX_VOTES, max(0, whole(row.get("helpful")) or 0)),
        created_at=run.at(row, notes, "created_at"),
    )
    return catalog.legacy_import.OldReview(identity(row), product, review)


def _stars(row: Row) -> int:
    stars = whole(row["rating"])
    if stars is None or not 1 <= stars <= 5:
        raise UnusableValue("its rating is not 1 to 5")
    return stars
