"""The first page of the staff."""

from __future__ import annotations

from flask.typing import ResponseReturnValue

from storefront.responses import render_page
from storefront.staff import any_staff, bp


@bp.get("")
@any_staff
def index() -> ResponseReturnValue:
    """Where somebody of the staff may go."""
    return render_page("staff/index.html")
