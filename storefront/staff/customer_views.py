"""Customers: found, with their orders and sign-ins. Nothing they sign in or pay by is shown."""

from __future__ import annotations

from flask import abort, flash, request, url_for
from flask.typing import ResponseReturnValue

from storefront.accounts import service as accounts
from storefront.accounts.values import Account, IsStaff, Role, UnknownUser, UserId
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
    """Who is found by a part of an address, a name or a phone number, or by the number of an order."""
    words = text_from(request.args, "q", MAX_ADDRESS_LENGTH)
    buyer = orders.find_buyer(words) if words else None
    people = accounts.find_accounts(words)
    guests = orders.find_guests(words)
    if buyer is not None:
        people, guests = _with_buyer(buyer, people, guests)
    return render_page(
        "staff/customers/customers.html",
        fragment="staff/customers/_customers.html",
        words=words,
        accounts=people,
        guests=guests,
        most=accounts.MAX_FOUND,
    )


def _with_buyer(buyer: Buyer, people: list[Account], guests: list[Guest]) -> tuple[list[Account], list[Guest]]:
    """What the number of an order finds, before what is spelt like it."""
    if buyer.customer_id is None:
        return people, [*(guest for guest in orders.find_guests(buyer.email) if guest.email == buyer.email), *guests]
    try:
        return [accounts.get_account(UserId(buyer.customer_id)), *people], guests
    except UnknownUser:  # it is deleted, and the orders will hear of it
        return people, guests


@bp.get("/customers/<id:user_id>")
@order_staff
def customer(user_id: int) -> ResponseReturnValue:
    """An account: its facts, its orders, where it is signed in."""
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
    person = web_session.current_account()
    return person is not None and person.role is Role.ADMIN


@bp.get("/customers/guest")
@order_staff
def guest() -> ResponseReturnValue:
    """Who bought without an account, known by their address: their orders are all there is."""
    email = text_from(request.args, "email", MAX_ADDRESS_LENGTH)
    found = orders.orders_of_guest(email)
    if not found:
        abort(404)
    return render_page("staff/customers/guest.html", email=email, orders=found)


@bp.post("/customers/<id:user_id>/sessions/end")
@order_staff
def sign_out_customer(user_id: int) -> ResponseReturnValue:
    """End every sign-in of an account; one of the staff's only admins may end."""
    try:
        was_in = accounts.sign_out_everywhere(
            UserId(user_id), actor=web_session.current_actor(), may_be_staff=_is_admin()
        )
    except IsStaff:
        abort(403)
    flash("Signed out everywhere" if was_in else "It was signed in nowhere", "notice")
    return redirect_or_hx(url_for(".customer", user_id=user_id))
