"""Customers: search, orders and active sessions. Passwords and payment methods are never shown."""

from __future__ import annotations

from flask import abort, flash, request, url_for
from flask.typing import ResponseReturnValue

from storefront.accounts import service as accounts
from storefront.accounts.values import Account, IsStaff, Permission, UnknownUser, UserId
from storefront.orders import service as orders
from storefront.orders.service import Buyer, Guest
from storefront.staff import bp, order_staff
from storefront.staff.stock_forms import text_from
from storefront.web import session as web_session
from storefront.web.responses import redirect_or_hx, render_page

MAX_ADDRESS_LENGTH = 254  # characters
LAST_PAGE = 100_000


@bp.get("/customers")
@order_staff
def customers() -> ResponseReturnValue:
    """Search accounts and guests by part of an e-mail address, name or phone number, or by an order number."""
    words = text_from(request.args, "q", MAX_ADDRESS_LENGTH)
    buyer = orders.find_buyer(words) if words else None
    matches = accounts.find_accounts(words)
    guests = orders.find_guests(words)
    if buyer is not None:
        matches, guests = _with_buyer(buyer, matches, guests)
    return render_page(
        "staff/customers/customers.html",
        fragment="staff/customers/_customers.html",
        words=words,
        accounts=matches,
        guests=guests,
        most=accounts.MAX_FOUND,
    )


def _with_buyer(buyer: Buyer, matches: list[Account], guests: list[Guest]) -> tuple[list[Account], list[Guest]]:
    """Put the buyer of the order that was searched for before the other matches."""
    if buyer.customer_id is None:
        return matches, [*(guest for guest in orders.find_guests(buyer.email) if guest.email == buyer.email), *guests]
    try:
        return [accounts.get_account(UserId(buyer.customer_id)), *matches], guests
    except UnknownUser:  # just deleted; the orders learn of it by a message
        return matches, guests


@bp.get("/customers/<id:user_id>")
@order_staff
def customer(user_id: int) -> ResponseReturnValue:
    """Show an account with its orders and active sessions."""
    user, page = UserId(user_id), request.args.get("page", 1, type=int)
    account = accounts.get_account(user)
    return render_page(
        "staff/customers/customer.html",
        account=account,
        page=orders.orders_of(user_id, page=min(max(1, page), LAST_PAGE)),
        sessions=accounts.sessions_of(user, ""),
        may_sign_out=not account.role.is_staff or _is_admin(),
    )


def _is_admin() -> bool:
    return web_session.may(Permission.ADMINISTRATION)


@bp.get("/customers/guest")
@order_staff
def guest() -> ResponseReturnValue:
    """Show the orders of a guest, who is known by the e-mail address alone."""
    email = text_from(request.args, "email", MAX_ADDRESS_LENGTH)
    guest_orders = orders.orders_of_guest(email)
    if not guest_orders:
        abort(404)
    return render_page("staff/customers/guest.html", email=email, orders=guest_orders)


@bp.post("/customers/<id:user_id>/sessions/end")
@order_staff
def sign_out_customer(user_id: int) -> ResponseReturnValue:
    """End every session of an account; only admins may do so for a staff member."""
    try:
        was_signed_in = accounts.sign_out_everywhere(
            UserId(user_id), actor=web_session.current_actor(), may_be_staff=_is_admin()
        )
    except IsStaff:
        abort(403)
    flash("Signed out everywhere" if was_signed_in else "There was no active session", "notice")
    return redirect_or_hx(url_for(".customer", user_id=user_id))
