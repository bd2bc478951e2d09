"""The visitor's session: an account, by session cookie or bearer token, or a guest, by signed cookie."""

from __future__ import annotations

import functools
import logging
import secrets
from collections.abc import Callable, Mapping
from typing import Any, ParamSpec
from urllib.parse import unquote, urlsplit

from flask import Flask, Request, Response, abort, g, request, session, url_for
from flask.typing import ResponseReturnValue
from flask_login import LoginManager, current_user, login_user

from storefront.accounts import service as accounts
from storefront.accounts.service import WishlistOwner, WishlistToken
from storefront.accounts.values import ROLES_WITH, Permission, SignedIn, UnknownUser, UserId
from storefront.cart import service as cart
from storefront.cart.values import MAX_UNITS, CartToken, Merge, MergedLine
from storefront.checkout import service as checkout
from storefront.core.card_numbers import contains_card_number
from storefront.core.security_log import SecurityEvent, security_event
from storefront.core.urls import safe_next_path
from storefront.core.user_agents import device_name
from storefront.db.audit_log import MAX_ACTOR_LENGTH
from storefront.db.session import UNAVAILABLE, read_session
from storefront.web import api_callers, staff_reads
from storefront.web.api_callers import current_api_key
from storefront.web.optional_reads import unless_unavailable
from storefront.web.responses import redirect_or_hx, wants_fragment
from storefront.web.route_options import Guard, guarded_by, staff_only
from storefront.web.same_origin import is_surely_same_origin
from storefront.web.security_context import ACCOUNT
from storefront.web.visitor_cookie import GUEST, VisitorSession, find_session

CART = "cart"
CHECKOUT = "checkout"
ORDERS = "orders"
PASSWORD_RESET = "resetting"  # noqa: S105 - the address whose password is being reset
RECENTLY_VIEWED = "seen"
WISHLIST = "wishes"

MAX_REMEMBERED_ORDERS = 20
MAX_RECENTLY_VIEWED = 8

logger = logging.getLogger(__name__)

P = ParamSpec("P")

login_manager = LoginManager()


def init_app(app: Flask) -> None:
    """Set up Flask-Login to load accounts by the reference of their session."""
    app.config["SESSION_PROTECTION"] = None  # sessions are rows in the database; a changed IP address does not end them
    login_manager.init_app(app, add_context_processor=False)
    login_manager.user_loader(_by_cookie)
    login_manager.request_loader(_by_header)
    app.after_request(_touch_session)
    api_callers.init_app(app)


def _by_cookie(reference: str) -> SignedIn | None:
    if "Authorization" in request.headers:  # then the cookie is ignored
        return _by_header(request)
    return _load_account(reference)


def _by_header(incoming: Request) -> SignedIn | None:
    kind, _, token = incoming.headers.get("Authorization", "").partition(" ")
    if kind.lower() != "bearer":
        return None
    reference = accounts.reference_of(token.strip())
    person = _load_account(reference) if reference else None
    if person is None:
        security_event(SecurityEvent.TOKEN_REFUSED)
    return person


def _load_account(reference: str) -> SignedIn | None:
    result = find_session(reference)
    if result is None:
        return None
    person, is_touch_due = result
    if is_touch_due:
        g.session_to_touch = reference
    setattr(g, ACCOUNT, person.id)
    return person


def _touch_session(response: Response) -> Response:
    """Note that the session is in use. A failure must not replace the answer, which may be of an order."""
    if reference := g.pop("session_to_touch", None):
        try:
            accounts.touch(reference)
        except UNAVAILABLE as error:
            logger.error("a session could not be marked as used: %s", error)
            read_session().rollback()
    return response


def current_account() -> SignedIn | None:
    """The signed-in account; queried at most once per request, and only if the request has a session."""
    person = current_user._get_current_object() if current_user else None
    return person if isinstance(person, SignedIn) else None


def guard_views(
    guard: Guard,
) -> Callable[[Callable[P, ResponseReturnValue]], Callable[P, ResponseReturnValue]]:
    """Make a decorator of views from a guard; on routes for uploads it is asked before the body is read."""

    def decorate(view: Callable[P, ResponseReturnValue]) -> Callable[P, ResponseReturnValue]:
        @functools.wraps(view)
        def guarded(*args: P.args, **kwargs: P.kwargs) -> ResponseReturnValue:
            refusal = guard(kwargs)
            return view(*args, **kwargs) if refusal is None else refusal

        return guarded_by(guard)(guarded)

    return decorate


def ask_guests_to_sign_in(path: Mapping[str, Any]) -> ResponseReturnValue | None:
    """The guard of pages for signed-in users: others are sent to the sign-in page and then back."""
    return None if current_account() else _ask_to_sign_in()


def sign_in_required(view: Callable[P, ResponseReturnValue]) -> Callable[P, ResponseReturnValue]:
    """Decorate a view for signed-in users; others are sent to the sign-in page and then back."""
    return guard_views(ask_guests_to_sign_in)(view)


def staff_required(
    permission: Permission,
) -> Callable[[Callable[P, ResponseReturnValue]], Callable[P, ResponseReturnValue]]:
    """Decorate a view for staff with a permission: guests are asked to sign in, others get a 403.

    Staff who signed in without a second factor are asked to sign in again. Pages of customers' data that were read are
    noted in the audit log.
    """

    def guard(path: Mapping[str, Any]) -> ResponseReturnValue | None:
        person = current_account()
        if person is None or needs_second_factor(person):
            return _ask_to_sign_in()
        if not person.may(permission):
            abort(403)
        return None

    def decorate(view: Callable[P, ResponseReturnValue]) -> Callable[P, ResponseReturnValue]:
        @functools.wraps(view)
        def noted(*args: P.args, **kwargs: P.kwargs) -> ResponseReturnValue:
            return staff_reads.note_page(view(*args, **kwargs), current_actor())

        reads_customers = permission is Permission.CUSTOMERS
        return staff_only(ROLES_WITH[permission])(guard_views(guard)(noted if reads_customers else view))

    return decorate


def current_actor() -> str:
    """Who acts for the shop, in audit logs and the stock ledger: the e-mail address of the staff, or an API key."""
    if key := current_api_key():
        return key.actor
    person = current_account()
    if person is None:
        raise RuntimeError("a staff action without staff_required")
    return (person.account.email or f"account {person.id}")[:MAX_ACTOR_LENGTH]


def may(permission: Permission) -> bool:
    """Whether the visitor is staff with a permission."""
    person = current_account()
    return person is not None and person.may(permission)


def needs_second_factor(person: SignedIn) -> bool:
    """Whether a member of staff signed in without the required second factor."""
    return person.account.role.is_staff and not person.has_second_factor


def _ask_to_sign_in() -> ResponseReturnValue:
    """Redirect to the sign-in page, which leads back to the current page; the input of a form is lost."""
    shown = request.full_path.rstrip("?") if request.method == "GET" and not wants_fragment() else page_shown()
    return redirect_or_hx(url_for("sign_in.sign_in", next=safe_next_path(shown)))


def page_shown() -> str | None:
    """The path of the page that sent a form or an htmx request; None if it is not a page of the shop."""
    url = request.headers.get("HX-Current-URL") or request.referrer or ""
    shown = urlsplit(url)
    if shown.netloc != request.host or contains_card_number(unquote(url)):
        return None
    return f"{shown.path}?{shown.query}".rstrip("?")


def sign_in(user: UserId, *, second_factor: bool = False) -> Merge:
    """Begin a new session of an account, and move the guest's cart, wishlist and checkout to the account.

    The previous session is ended and its cookie becomes invalid. The session is cleared only after the databases have
    stored what it held.

    :param second_factor: whether a code was entered in addition to the password
    :return: how the lines of the guest's cart were merged
    """
    reference = accounts.open_session(user, device_name(request.user_agent.string), second_factor=second_factor)
    person, _ = accounts.find_session(reference) or (None, False)
    if person is None:
        raise UnknownUser(user)
    merge, current_checkout, guest_record = Merge(()), checkout_id(), session.get(GUEST)
    if guest := session.get(CART):
        checkout.transfer_to_account(current_checkout, guest, cart.cart_key_of(user))
        merge = cart.merge(guest, cart.cart_key_of(user))
    if guest_list := session.get(WISHLIST):
        accounts.merge_wishlists(guest_list, user)
    end_session()
    if guest_record:
        accounts.end_guest_session(guest_record)
    remembered = {ORDERS: order_ids(), RECENTLY_VIEWED: recently_viewed()}
    session.clear()
    login_user(person)
    session.permanent = True
    session.update(remembered)
    remember_checkout(current_checkout if guest else None)
    security_event(SecurityEvent.SIGNED_IN, account=user, factors=2 if second_factor else 1)
    return merge


def go_on_as(reference: str) -> None:
    """Have the cookie name the new reference of the signed-in account's session."""
    person, _ = accounts.find_session(reference) or (None, False)
    if person is not None:
        login_user(person)


def renew_guest() -> None:
    """Make copies of the guest's cookie nobody's, and go on with its entries; after a new password, for instance."""
    if isinstance(session, VisitorSession):
        session.renew()


def shortened_lines(merge: Merge) -> list[str]:
    """Messages about cart lines that could not be merged in full."""
    return [_shortened(line) for line in merge.shortened]


def _shortened(line: MergedLine) -> str:
    if line.kept >= MAX_UNITS:
        return f"Your cart now holds {line.kept} of {line.title}, the most that one order can have."
    if line.kept == 1:  # one is left, or none: the cart shows which
        return f"There are not enough of {line.title}: your cart now holds 1."
    return f"Only {line.kept} of {line.title} are left: your cart now holds {line.kept}."


def end_session() -> None:
    """End the session of the signed-in account in the database."""
    if person := current_account():
        accounts.end_session(person.reference)


def sign_out() -> None:
    """Sign out and clear the session cookie: somebody else may use the browser next. Copies of it are nobody's."""
    end_session()
    if guest_record := session.get(GUEST):
        accounts.end_guest_session(guest_record)
    session.clear()
    g.pop("_login_user", None)


def cart_token() -> CartToken | None:
    """The token of the account's or guest's cart; None if a guest has none yet."""
    if person := current_account():
        return cart.cart_key_of(person.id)
    return session.get(CART)


def cart_token_for_writing() -> CartToken:
    """The token of the cart; a guest without a cart gets a new one (128 random bits)."""
    token = cart_token()
    if token is None:
        session.permanent = True
        token = session[CART] = CartToken(secrets.token_urlsafe(16))
    return token


def current_user_id() -> UserId | None:
    """The id of the signed-in account; None for a guest."""
    person = current_account()
    return person.id if person else None


def verified_email() -> str | None:
    """The e-mail address of the signed-in account, if it is verified."""
    person = current_account()
    return person.account.email if person and person.account.has_verified_email else None


def wishlist_owner() -> WishlistOwner | None:
    """The owner of the wishlist: the account, or the guest's token; None if a guest has none yet."""
    if person := current_account():
        return person.id
    return session.get(WISHLIST)


def wishlist_owner_for_writing() -> WishlistOwner:
    """The owner of the wishlist; a guest without one gets a new token (128 random bits)."""
    owner = wishlist_owner()
    if owner is None:
        session.permanent = True
        owner = session[WISHLIST] = WishlistToken(secrets.token_urlsafe(16))
    return owner


def checkout_id() -> str | None:
    """The id of the visitor's unfinished checkout."""
    return session.get(CHECKOUT)


def remember_checkout(current: str | None) -> None:
    """Store the id of the visitor's unfinished checkout, or remove it with None."""
    if current is None:
        session.pop(CHECKOUT, None)
    else:
        session[CHECKOUT] = current


def order_ids() -> list[str]:
    """Ids of the orders that were placed or looked up in this browser, newest first."""
    return list(session.get(ORDERS, []))


def remember_order(order: str) -> None:
    """Allow this browser to view an order from now on."""
    session.permanent = True
    session[ORDERS] = [order, *(known for known in order_ids() if known != order)][:MAX_REMEMBERED_ORDERS]


def can_view_order(order: str, customer: int | None) -> bool:
    """Whether the visitor may view an order; a refusal is written to the security log.

    An order of an account is its account's alone: no browser remembers it.

    :param customer: the account it belongs to; None: a guest placed it
    """
    user = current_user_id()  # looked up for a guest's order, too: the log names the account
    is_theirs = order in order_ids() if customer is None else user == customer
    if not is_theirs:
        security_event(SecurityEvent.ACCESS_REFUSED, order=order)
    return is_theirs


def recently_viewed() -> list[int]:
    """Ids of the recently viewed products, newest first; none while the database of the accounts is away."""
    return unless_unavailable("accounts", lambda: list(session.get(RECENTLY_VIEWED, [])), [])


def remember_viewed(product: int) -> None:
    """Add a product to the recently viewed ones, unless the database of the accounts is away.

    A newcomer's first product is not remembered, so that whoever comes for one page gets no cookie.
    """
    if session or is_surely_same_origin():
        unless_unavailable("accounts", lambda: _remember_viewed(product), None)


def _remember_viewed(product: int) -> None:
    known = list(session.get(RECENTLY_VIEWED, []))
    viewed = [product, *(other for other in known if other != product)][:MAX_RECENTLY_VIEWED]
    if viewed != known:
        session[RECENTLY_VIEWED] = viewed
