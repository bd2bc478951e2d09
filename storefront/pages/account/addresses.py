"""Pages of the address book."""

from __future__ import annotations

from flask import flash, redirect, request, url_for
from flask.typing import ResponseReturnValue

from storefront.accounts import service as accounts
from storefront.accounts.values import MAX_ADDRESSES, SavedAddress, TooManyAddresses
from storefront.pages.account.forms import AddressForm
from storefront.pages.account.views import bp, person
from storefront.web import session as web_session
from storefront.web.responses import render_page


@bp.get("/account/addresses")
@web_session.sign_in_required
def addresses() -> ResponseReturnValue:
    """List the addresses, the default first."""
    book = accounts.addresses_of(person().id)
    return render_page("account/addresses.html", addresses=book, is_full=len(book) >= MAX_ADDRESSES)


@bp.route("/account/addresses/new", methods=["GET", "POST"])
@web_session.sign_in_required
def new_address() -> ResponseReturnValue:
    """Add an address."""
    account = person().account
    form = AddressForm(full_name=account.name, phone=account.phone)
    if not form.is_changing_country and form.validate_on_submit():
        try:
            accounts.add_address(account.id, form.address(), is_default=form.is_default.data)
        except TooManyAddresses:
            form.form_errors = [f"You can save up to {MAX_ADDRESSES} addresses. Delete one to add another"]
        else:
            flash("Address added.", "notice")
            return redirect(url_for(".addresses"), 303)
    return _show(form, None)


@bp.route("/account/addresses/<id:address_id>", methods=["GET", "POST"])
@web_session.sign_in_required
def address(address_id: int) -> ResponseReturnValue:
    """Edit an address."""
    user = person().id
    saved = accounts.get_address(user, address_id)
    form = AddressForm.of(saved)
    if not form.is_changing_country and form.validate_on_submit():
        accounts.change_address(user, address_id, form.address(), is_default=form.is_default.data)
        flash("Address updated.", "notice")
        return redirect(url_for(".addresses"), 303)
    return _show(form, saved)


def _show(form: AddressForm, saved: SavedAddress | None) -> ResponseReturnValue:
    status = 422 if request.method == "POST" and not form.is_changing_country else 200
    return render_page("account/address.html", fragment="forms/_postal.html", status=status, form=form, address=saved)


@bp.post("/account/addresses/<id:address_id>/default")
@web_session.sign_in_required
def default_address(address_id: int) -> ResponseReturnValue:
    """Make an address the default."""
    accounts.set_default_address(person().id, address_id)
    flash("Default address updated.", "notice")
    return redirect(url_for(".addresses"), 303)


@bp.post("/account/addresses/<id:address_id>/removal")
@web_session.sign_in_required
def remove_address(address_id: int) -> ResponseReturnValue:
    """Delete an address."""
    accounts.remove_address(person().id, address_id)
    flash("Address deleted. Your past orders still show it.", "notice")
    return redirect(url_for(".addresses"), 303)
