"""The desks of the staff, below /staff: pages over the services, without tables or rules of their own.

One blueprint for all desks; each has views and forms in files of its own.
"""

from __future__ import annotations

from flask import Blueprint, Flask

from storefront import visitor
from storefront.accounts.service import Role

bp = Blueprint("staff", __name__, url_prefix="/staff")

LONGEST_ACTOR = 80  # characters that the ledger keeps

any_staff = visitor.staff_required(Role.STOCK_STAFF, Role.ORDER_STAFF)
stock_staff = visitor.staff_required(Role.STOCK_STAFF)


def init_app(app: Flask) -> None:
    """Open the desks."""
    from storefront.staff import import_views, index_views, ledger_views, stock_views  # noqa: F401 - they name routes

    app.register_blueprint(bp)


def actor() -> str:
    """Who is at the desk, as ledgers name them: by their e-mail address, which is theirs alone."""
    person = visitor.account()
    if person is None:
        raise RuntimeError("a desk without its guard")
    return (person.account.email or f"account {person.id}")[:LONGEST_ACTOR]
