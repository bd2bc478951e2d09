"""The desks of the staff, below /staff: pages over the services, without tables or rules of their own.

One blueprint for all desks; each has views and forms in files of its own.
"""

from __future__ import annotations

from flask import Blueprint, Flask

from storefront import visitor
from storefront.accounts.service import Role
from storefront.staff.desks import Section, sections_of
from storefront.web.route_options import no_store

bp = no_store(Blueprint("staff", __name__, url_prefix="/staff"))

any_staff = visitor.staff_required(Role.STOCK_STAFF, Role.ORDER_STAFF)
stock_staff = visitor.staff_required(Role.STOCK_STAFF)
order_staff = visitor.staff_required(Role.ORDER_STAFF)
admin = visitor.staff_required()


def init_app(app: Flask) -> None:
    """Open the desks."""
    from storefront.staff import (  # noqa: F401 - they name routes
        category_views,
        customer_views,
        import_views,
        index_views,
        ledger_views,
        order_desk_views,
        order_paper_views,
        order_views,
        picture_views,
        product_bulk_views,
        product_views,
        refund_views,
        return_views,
        review_views,
        stock_views,
        trail_views,
        trouble_views,
    )

    app.register_blueprint(bp)


@bp.app_template_global()
def staff_sections() -> tuple[Section, ...]:
    """The sections that whoever is at the desk works in; none for others."""
    person = visitor.account()
    return sections_of(person.role) if person is not None else ()
