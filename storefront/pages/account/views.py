"""Account overview, name and profile picture."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from flask import Blueprint, Response, abort, flash, redirect, request, url_for
from flask.typing import ResponseReturnValue

from storefront.accounts import service as accounts
from storefront.accounts.values import SignedIn
from storefront.core.image_processing import MAX_BYTES, MAX_PIXELS, DecoderBusy, FileKind, ImageTooLarge, InvalidImage
from storefront.orders import service as orders
from storefront.pages.account.forms import AvatarForm, NameForm
from storefront.web import session as web_session
from storefront.web.responses import redirect_or_hx, render_page
from storefront.web.route_options import max_upload, no_store, public_cache
from storefront.web.security_headers import limit_requests

bp = no_store(Blueprint("account", __name__))

A_YEAR = 365 * 24 * 3600  # seconds
FORM_OVERHEAD = 64 * 1024  # bytes of an upload's form in addition to the file
RECENT_ORDERS = 3
UNVERIFIED = "Verify your e-mail address or phone number first, then you can upload a picture."

_REFUSED = {
    FileKind.DRAWING: "SVG files are not supported because they can contain scripts. Use a PNG, JPEG or WebP picture",
    FileKind.WEB_PAGE: "This is a web page, not a picture. Use a PNG, JPEG or WebP picture",
    FileKind.EMPTY: "The file is empty",
    FileKind.COSTLY: "This picture takes too long to read. Save it anew as a JPEG or PNG and upload that",
    FileKind.OTHER: "We cannot read this file as a picture. Use a PNG, JPEG or WebP picture",
}


def person() -> SignedIn:
    """The signed-in account, on pages that require one."""
    signed_in = web_session.current_account()
    if signed_in is None:
        abort(401)
    return signed_in


@bp.get("/account")
@web_session.sign_in_required
def overview() -> ResponseReturnValue:
    """Show the account's recent orders and the links to its other pages."""
    account = person().account
    recent = orders.orders_of(account.id, size=RECENT_ORDERS)
    return render_page("account/overview.html", account=account, orders=recent.orders, order_count=recent.count)


@bp.route("/account/profile", methods=["GET", "POST"])
@web_session.sign_in_required
def profile() -> ResponseReturnValue:
    """Show the profile, and change the name."""
    account = person().account
    form = NameForm(name=account.name)
    if form.validate_on_submit():
        accounts.change_profile(account.id, {"name": form.name.data})
        flash("Name updated.", "notice")
        return redirect(url_for(".profile"), 303)
    return _show_profile(form, AvatarForm(formdata=None), 422 if request.method == "POST" else 200)


def _show_profile(form: NameForm, avatar_form: AvatarForm, status: int) -> ResponseReturnValue:
    account = person().account
    return render_page(
        "account/profile.html", status=status, account=account, form=form, avatar_form=avatar_form, limit=MAX_BYTES
    )


def _verified_only(path: Mapping[str, Any]) -> ResponseReturnValue | None:
    refusal = web_session.ask_guests_to_sign_in(path)
    if refusal is not None or person().account.has_verified_contact:
        return refusal
    flash(UNVERIFIED, "problem")
    return redirect_or_hx(url_for(".profile"))


verified_account_required = web_session.guard_views(_verified_only)


@bp.post("/account/avatar")
@max_upload(MAX_BYTES + FORM_OVERHEAD)
@limit_requests("20/minute")
@verified_account_required
def upload_avatar() -> ResponseReturnValue:
    """Store an uploaded profile picture, re-encoded."""
    form, status = AvatarForm(), 422
    if form.validate():
        try:
            accounts.upload_avatar(person().id, form.picture.data.read(MAX_BYTES + 1))
        except InvalidImage as error:
            form.picture.errors, status = [_REFUSED[error.seems]], error.status
        except DecoderBusy as error:
            busy = f"Other pictures are being processed. Try again in {error.wait}"
            form.picture.errors, status = [busy], error.status
        except ImageTooLarge as error:
            limit = f"{MAX_BYTES // 2**20} MB and {MAX_PIXELS // 10**6} million pixels"
            form.picture.errors, status = [f"The picture is too large. The maximum is {limit}"], error.status
        else:
            flash("Picture saved.", "notice")
            return redirect(url_for(".profile"), 303)
    return _show_profile(NameForm(formdata=None, name=person().account.name), form, status)


@bp.post("/account/avatar/removal")
@web_session.sign_in_required
def remove_avatar() -> ResponseReturnValue:
    """Delete the profile picture."""
    accounts.change_profile(person().id, {"avatar": None})
    flash("Picture deleted.", "notice")
    return redirect(url_for(".profile"), 303)


@bp.get("/account/avatars/<id:user_id>-<string(length=32):digest>")
@public_cache(A_YEAR, immutable=True)
def avatar(user_id: int, digest: str) -> ResponseReturnValue:
    """Serve an uploaded profile picture. The URL contains its hash, so it can be cached forever and not guessed."""
    content = accounts.get_avatar(user_id, digest)
    response = Response(content, mimetype="image/webp")
    response.headers["Content-Disposition"] = "inline; filename=avatar.webp"
    return response
