"""The staff area below /staff: pages over the services of the domains, without tables or rules of their own.

One blueprint for all of them; each area (orders, stock, products, …) has its own modules of views and forms.
"""

from __future__ import annotations

from flask import Blueprint, Flask

from storefront.accounts.values import Permission
from storefront.staff.navigation import Section, sections_of
from storefront.web import session as web_session
from storefront.web.route_options import no_store

bp = no_store(Blueprint("staff", __name__, url_prefix="/staff"))

any_staff = web_session.staff_required(Permission.STAFF_AREA)
stock_staff = web_session.staff_required(Permission.PRODUCTS)
order_staff = web_session.staff_required(Permission.CUSTOMERS)
admin = web_session.staff_required(Permission.ADMINISTRATION)


def init_app(app: Flask) -> None:
    """Register the pages of the staff area."""
    from storefront.staff import (  # noqa: F401 - they register routes
        api_key_views,
        approval_views,
        audit_log_views,
        category_views,
        customer_views,
        dashboard_views,
        failed_job_views,
        image_views,
        import_views,
        ledger_views,
        order_document_views,
        order_list_views,
        order_views,
        product_bulk_views,
        product_views,
        refund_views,
        renamed_urls,
        return_views,
        review_views,
        scan_views,
        stock_views,
        synonym_views,
        webhook_views,
    )

    app.register_blueprint(bp)


@bp.app_template_global()
def staff_sections() -> tuple[Section, ...]:
    """List the navigation sections open to the signed-in staff member; none for anybody else."""
    account = web_session.current_account()
    return sections_of(account.role) if account is not None else ()
