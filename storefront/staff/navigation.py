"""The navigation of the staff area: its sections and pages, and which roles may open them."""

from __future__ import annotations

from dataclasses import dataclass, replace

from flask import current_app

from storefront.accounts.values import Role
from storefront.web.route_options import options_of


@dataclass(frozen=True, slots=True)
class Page:
    """A page in the navigation, with the pages reached from it.

    :ivar endpoint: endpoint of the page
    :ivar about: one line about it, for the dashboard
    :ivar subpages: endpoints of the pages below it
    """

    endpoint: str
    label: str
    about: str
    subpages: tuple[str, ...] = ()

    def shows(self, endpoint: str | None) -> bool:
        """Whether an endpoint is this page or one below it."""
        return endpoint == self.endpoint or endpoint in self.subpages

    def is_open_to(self, role: Role) -> bool:
        """Whether a role may open the page, as its route says."""
        return role in (options_of(current_app, self.endpoint).staff_roles or frozenset())


@dataclass(frozen=True, slots=True)
class Section:
    """Pages under one entry of the main navigation."""

    label: str
    pages: tuple[Page, ...]

    def shows(self, endpoint: str | None) -> bool:
        """Whether an endpoint belongs to one of its pages."""
        return any(page.shows(endpoint) for page in self.pages)


SECTIONS = (
    Section(
        "Overview",
        (
            Page("staff.dashboard", "Dashboard", "Sales, stock levels and what needs attention."),
            Page("staff.failed_jobs", "Failed jobs", "Unfinished checkouts and undelivered messages, to retry."),
        ),
    ),
    Section(
        "Stock",
        (
            Page(
                "staff.stock",
                "Stock",
                "Every SKU with its units on hand, reserved and sold. Edit stock in the rows.",
            ),
            Page("staff.scan", "Receive stock", "Receive a delivery by scanning barcodes."),
            Page("staff.restock", "Restock", "What to reorder, by the days of stock left."),
            Page("staff.movements", "Ledger", "Every stock movement with who, when and why."),
            Page(
                "staff.imports",
                "Import",
                "Upload a CSV file of counts and check it before you apply it.",
                ("staff.show_import",),
            ),
        ),
    ),
    Section(
        "Orders",
        (
            Page(
                "staff.orders",
                "Orders",
                "Orders to pack and ship, late orders, search by number, e-mail, name or SKU.",
                ("staff.order", "staff.packing_slips", "staff.order_invoice", "staff.order_credit_note"),
            ),
            Page("staff.returns", "Returns", "Return requests, to approve with a refund or to decline."),
        ),
    ),
    Section(
        "Products",
        (
            Page(
                "staff.products",
                "Products",
                "Names, variants, prices and visibility; one at a time or in bulk.",
                ("staff.product", "staff.new_product", "staff.bulk_change"),
            ),
            Page("staff.categories", "Categories", "The categories of the shop and their order.", ("staff.category",)),
            Page("staff.synonyms", "Synonyms", "Words that find the same products in the search."),
        ),
    ),
    Section(
        "Customers",
        (
            Page(
                "staff.customers",
                "Customers",
                "Search by e-mail, name, phone or order; orders and active sessions.",
                ("staff.customer", "staff.guest"),
            ),
            Page("staff.reviews", "Reviews", "Customer reviews, to hide or show."),
        ),
    ),
    Section(
        "Integrations",
        (
            Page(
                "staff.api_keys",
                "API keys",
                "Keys by which other programs call the shop, what each may do, and when it was last used.",
                ("staff.make_api_key",),
            ),
            Page(
                "staff.webhook_list",
                "Webhooks",
                "Programs that are told of orders and stock, and the log of what was sent.",
                ("staff.webhook", "staff.webhook_delivery"),
            ),
        ),
    ),
    Section("Activity log", (Page("staff.audit_log", "Activity log", "What staff members did, and when."),)),
)


def sections_of(role: Role) -> tuple[Section, ...]:
    """List the sections that a role may open, each with the pages it may open."""
    allowed = (
        replace(section, pages=tuple(page for page in section.pages if page.is_open_to(role))) for section in SECTIONS
    )
    return tuple(section for section in allowed if section.pages)
