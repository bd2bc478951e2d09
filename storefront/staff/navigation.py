"""The desks there are and who works at them: what the header of the staff pages and their first page list."""

from __future__ import annotations

from dataclasses import dataclass, replace

from flask import current_app

from storefront.accounts.values import Role
from storefront.web.route_options import options_of


@dataclass(frozen=True, slots=True)
class Page:
    """:ivar endpoint: of its first page
    :ivar about: one line for the page of all desks
    :ivar pages: endpoints of the pages below it
    """

    endpoint: str
    label: str
    about: str
    pages: tuple[str, ...] = ()

    def shows(self, endpoint: str | None) -> bool:
        """Whether a page is this desk's."""
        return endpoint == self.endpoint or endpoint in self.pages

    def is_open_to(self, role: Role) -> bool:
        """Whether the guard of its page lets somebody in."""
        roles = options_of(current_app, self.endpoint).staff_roles or frozenset()
        return role is Role.ADMIN or role in roles


@dataclass(frozen=True, slots=True)
class Section:
    """Desks that belong together."""

    label: str
    desks: tuple[Page, ...]

    def shows(self, endpoint: str | None) -> bool:
        """Whether a page is of one of its desks."""
        return any(desk.shows(endpoint) for desk in self.desks)


SECTIONS = (
    Section(
        "Overview",
        (
            Page("staff.dashboard", "Dashboard", "What was sold, what there is, what needs somebody."),
            Page("staff.failed_jobs", "Troubles", "Checkouts and messages that got stuck; tried again here."),
        ),
    ),
    Section(
        "Stock",
        (
            Page(
                "staff.stock",
                "Stock",
                "Every SKU: what is there, what is promised, what sells. Changed in its row.",
            ),
            Page("staff.scan", "Scan in", "A delivery, code by code, without a mouse."),
            Page("staff.restock", "Restock", "What to order, by the days it still lasts."),
            Page("staff.movements", "Ledger", "Who moved what, when and why."),
            Page(
                "staff.imports",
                "Import",
                "Counts from a spreadsheet, looked through before they count.",
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
                "What to pack and to send, what is late, any order by its number, e-mail, name or SKU.",
                ("staff.order", "staff.packing_slips", "staff.order_invoice", "staff.order_credit_note"),
            ),
            Page("staff.returns", "Returns", "What customers send back; approved with a refund, or declined."),
        ),
    ),
    Section(
        "Products",
        (
            Page(
                "staff.products",
                "Products",
                "Names, variants, prices, what is on sale; one by one or many at once.",
                ("staff.product", "staff.new_product", "staff.bulk_change"),
            ),
            Page("staff.categories", "Categories", "The departments of the shop and their order.", ("staff.category",)),
        ),
    ),
    Section(
        "Customers",
        (
            Page(
                "staff.customers",
                "Customers",
                "Who bought: by address, name, phone or order; their orders and sign-ins.",
                ("staff.customer", "staff.guest"),
            ),
            Page("staff.reviews", "Reviews", "What buyers say; hidden or shown again."),
        ),
    ),
    Section("Trail", (Page("staff.audit_log", "Trail", "Who of the staff did what, and when."),)),
)


def sections_of(role: Role) -> tuple[Section, ...]:
    """The sections in which somebody of the staff works."""
    seen = (
        replace(section, desks=tuple(desk for desk in section.desks if desk.is_open_to(role))) for section in SECTIONS
    )
    return tuple(section for section in seen if section.desks)
