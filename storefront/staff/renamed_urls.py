"""Redirects from former addresses of staff pages to the present ones, for bookmarks and for forms still open."""

from __future__ import annotations

from typing import Any

from flask import redirect, request, url_for
from flask.typing import ResponseReturnValue

from storefront.staff import any_staff, bp
from storefront.web.responses import query_suffix

# Former address below /staff -> the endpoint that answers now. Both take the same variables.
RENAMED_PAGES = {
    "/trail": "staff.audit_log",
    "/trail.csv": "staff.download_audit_log",
    "/troubles": "staff.failed_jobs",
    "/orders/slips": "staff.packing_slips",
    "/orders/slips.pdf": "staff.packing_slips_pdf",
}
RENAMED_FORMS = {
    "/troubles/checkouts/<checkout_id>/attempts": "staff.resume_checkout",
    "/troubles/messages/<schema>/<id:message_id>/attempts": "staff.deliver_message",
    "/orders/<order_id>/steps": "staff.take_step",
    "/orders/<order_id>/parcel": "staff.correct_parcel",
    "/products/<id:product_id>/pictures/arrangement": "staff.arrange_pictures",
    "/products/<id:product_id>/pictures/<id:picture_id>/return": "staff.restore_picture",
}


@any_staff
def renamed_page(**variables: Any) -> ResponseReturnValue:
    """Redirect to a page for good, with its query; the page itself checks the rights."""
    return redirect(_present_url(RENAMED_PAGES, variables), 301)


@any_staff
def renamed_form(**variables: Any) -> ResponseReturnValue:
    """Have the browser send a form again, unchanged, to its present address."""
    return redirect(_present_url(RENAMED_FORMS, variables), 308)


def _present_url(renamed: dict[str, str], variables: dict[str, Any]) -> str:
    former = str(request.url_rule).removeprefix(str(bp.url_prefix))
    return url_for(renamed[former], **variables) + query_suffix()


for _former in RENAMED_PAGES:
    bp.add_url_rule(_former, "renamed_page", renamed_page, methods=["GET"])
for _former in RENAMED_FORMS:
    bp.add_url_rule(_former, "renamed_form", renamed_form, methods=["POST"])
