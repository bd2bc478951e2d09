"""The desks there are and who works at them: what the header of the staff pages and their first page list."""

from __future__ import annotations

from dataclasses import dataclass, replace

from storefront.accounts.service import Role


@dataclass(frozen=True, slots=True)
class Desk:
    """:ivar endpoint: of its first page :ivar about: one line for the page of all desks
    :ivar pages: endpoints of the pages below it
    :ivar roles: who works at it, where that is not everybody of its section
    """

    endpoint: str
    label: str
    about: str
    pages: tuple[str, ...] = ()
    roles: frozenset[Role] | None = None

    def shows(self, endpoint: str | None) -> bool:
        """Whether a page is this desk's."""
        return endpoint == self.endpoint or endpoint in self.pages


@dataclass(frozen=True, slots=True)
class Section:
    """Desks that belong together. :ivar roles: who works there; admins work everywhere"""

    label: str
    roles: frozenset[Role]
    desks: tuple[Desk, ...]

    def shows(self, endpoint: str | None) -> bool:
        """Whether a page is of one of its desks."""
        return any(desk.shows(endpoint) for desk in self.desks)


_STOCK = frozenset({Role.STOCK_STAFF})
_ORDERS = frozenset({Role.ORDER_STAFF})
_EVERYBODY = _STOCK | _ORDERS
_ADMINS: frozenset[Role] = frozenset()  # who work everywhere anyway

SECTIONS = (
    Section(
        "Overview",
        _EVERYBODY,
        (
            Desk("staff.index", "Dashboard", "What was sold, what there is, what needs somebody."),
            Desk(
                "staff.troubles", "Troubles", "Checkouts and messages that got stuck; tried again here.", roles=_ORDERS
            ),
        ),
    ),
    Section(
        "Stock",
        _STOCK,
        (
            Desk(
                "staff.stock",
                "Stock",
                "Every SKU: what is there, what is promised, what sells. Changed in its row.",
            ),
            Desk("staff.scan", "Scan in", "A delivery, code by code, without a mouse."),
            Desk("staff.restock", "Restock", "What to order, by the days it still lasts."),
            Desk("staff.movements", "Ledger", "Who moved what, when and why."),
            Desk(
                "staff.imports",
                "Import",
                "Counts from a spreadsheet, looked through before they count.",
                ("staff.show_import",),
            ),
        ),
    ),
    Section(
        "Orders",
        _ORDERS,
        (
            Desk(
                "staff.orders",
                "Orders",
                "What to pack and to send, what is late, any order by its number, e-mail, name or SKU.",
                ("staff.order", "staff.packing_slips", "staff.order_invoice", "staff.order_credit_note"),
            ),
            Desk("staff.returns", "Returns", "What customers send back; approved with a refund, or declined."),
        ),
    ),
    Section(
        "Products",
        _STOCK,
        (
            Desk(
                "staff.products",
                "Products",
                "Names, variants, prices, what is on sale; one by one or many at once.",
                ("staff.product", "staff.new_product", "staff.bulk_change"),
            ),
            Desk("staff.categories", "Categories", "The departments of the shop and their order.", ("staff.category",)),
        ),
    ),
    Section(
        "Customers",
        _EVERYBODY,
        (
            Desk(
                "staff.customers",
                "Customers",
                "Who bought: by address, name, phone or order; their orders and sign-ins.",
                ("staff.customer", "staff.guest"),
                _ORDERS,
            ),
            Desk("staff.reviews", "Reviews", "What buyers say; hidden or shown again."),
        ),
    ),
    Section("Trail", _ADMINS, (Desk("staff.trail", "Trail", "Who of the staff did what, and when."),)),
)


def sections_of(role: Role) -> tuple[Section, ...]:
    """The sections in which somebody of the staff works."""
    if role is Role.ADMIN:
        return SECTIONS
    return tuple(_as_seen_by(role, section) for section in SECTIONS if role in section.roles)


def _as_seen_by(role: Role, section: Section) -> Section:
    return replace(section, desks=tuple(desk for desk in section.desks if desk.roles is None or role in desk.roles))
