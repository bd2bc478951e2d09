"""Imports cart lines."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial

from storefront.accounts import service as accounts
from storefront.cart import service as cart
from storefront.catalog import products
from storefront.catalog import service as catalog
from storefront.catalog.values import Offer
from storefront.legacy_import import column_names
from storefront.legacy_import.import_run import Run, identity, number, numbers, with_owners
from storefront.legacy_import.source import Row
from storefront.legacy_import.values import Notes, UnusableValue, text, whole

LINES = "cart lines"


def import_carts(run: Run) -> None:
    """Import cart lines of products on sale, for imported accounts."""
    carts = run.system.find(column_names.CARTS)
    if carts is not None and not carts.has("updated_at"):
        run.report.undated.append(LINES)
    for rows in run.batches(LINES, column_names.CART_LINES):
        owned = with_owners(rows, carts, "cart_id")
        owners = accounts.legacy_import.imported_accounts(numbers(owned, "user_id"))
        known = products.offers_by_product(catalog.legacy_import.arrived_products(numbers(rows, "product_id")))
        made = run.build(LINES, owned, partial(_line, run, owners, known))
        offers = {offer.sku: offer for several in known.values() for offer in several}
        run.report_batch(LINES, cart.legacy_import.import_lines(made, offers))


def _line(
    run: Run, owners: set[int], known: Mapping[int, Sequence[Offer]], row: Row, notes: Notes
) -> cart.legacy_import.OldLine:
    user, quantity = number(row, "user_id"), whole(row["quantity"])
    if user not in owners:
        raise UnusableValue("its account was not imported")
    sold = [offer for offer in known.get(number(row, "product_id"), ()) if offer.is_sellable]
    if not sold:
        raise UnusableValue("its product is not on sale here")
    if quantity is None or quantity < 1:
        raise UnusableValue("its quantity is invalid")
    wanted = text(row.get("variant")).casefold()
    matching = [offer for offer in sold if wanted in {offer.sku.casefold(), offer.option.casefold()}]
    return cart.legacy_import.OldLine(
        identity(row), user, (matching or sold)[0].sku, quantity, run.at(row, notes, "updated_at")
    )
