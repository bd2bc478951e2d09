"""Who is asking: an account, by session cookie or bearer token; or a guest, known by their signed cookie."""

from __future__ import annotations

import functools
import secrets
from collections.abc import Callable
from typing import ParamSpec
from urllib.parse import urlsplit

from flask import Flask, Request, Response, abort, g, request, session, url_for
from flask.typing import ResponseReturnValue
from flask_login import LoginManager, current_user, login_user

from storefront.accounts import service as accounts
from storefront.accounts.service import Role, SignedIn, UserId, WishlistOwner, WishlistToken
from storefront.cart import service as cart
from storefront.cart.service import CartToken, Merge, MergedLine
from storefront.checkout import service as checkout
from storefront.core.security_log import SecurityEvent, security_event
from storefront.core.urls import safe_next_path
from storefront.core.user_agents import device_name
from storefront.db.audit_log import MAX_ACTOR_LENGTH
from storefront.web.responses import redirect_or_hx, wants_fragment
from storefront.web.route_options import staff_only
from storefront.web.security_context import ACCOUNT

CART = "cart"
CHECKOUT = "checkout"
ORDERS = "orders"
PASSWORD_RESET = "resetting"  # noqa: S105 - the address for which a new password was asked
RECENTLY_VIEWED = "seen"
WISHLIST = "wishes"

MAX_REMEMBERED_ORDERS = 20
MAX_RECENTLY_VIEWED = 8

P = ParamSpec("P")

login_manager = LoginManager()


def init_app(app: Flask) -> None:
    """Let Flask-Login know accounts by the reference of their session."""
    app.config["SESSION_PROTECTION"] = None  # the row is the session; a changed address ends nothing
    login_manager.init_app(app, add_context_processor=False)
    login_manager.user_loader(_by_cookie)
    login_manager.request_loader(_by_header)
    app.after_request(_note_use)


def _by_cookie(reference: str) -> SignedIn | None:
    if "Authorization" in request.headers:  # then only that counts
        return _by_header(request)
    return _arrive(reference)


def _by_header(asked: Request) -> SignedIn | None:
    kind, _, token = asked.headers.get("Authorization", "").partition(" ")
    if kind.lower() != "bearer":
        return None
    reference = accounts.reference_of(token.strip())
    person = _arrive(reference) if reference else None
    if person is None:
        security_event(SecurityEvent.TOKEN_REFUSED)
    return person


def _arrive(reference: str) -> SignedIn | None:
    found = accounts.find_session(reference)
    if found is None:
        return None
    person, is_touch_due = found
    if is_touch_due:
        g.used_session = reference
    setattr(g, ACCOUNT, person.id)
    return person


def _note_use(response: Response) -> Response:
    if reference := g.pop("used_session", None):
        accounts.touch(reference)
    return response


def current_account() -> SignedIn | None:
    """Who is signed in; asked of the database once a request, and only where a session is claimed."""
    person = current_user._get_current_object() if current_user else None
    return person if isinstance(person, SignedIn) else None


def sign_in_required(view: Callable[P, ResponseReturnValue]) -> Callable[P, ResponseReturnValue]:
    """A page for whoever is signed in; others are asked to, and come back to it."""

    @functools.wraps(view)
    def guarded(*args: P.args, **kwargs: P.kwargs) -> ResponseReturnValue:
        return view(*args, **kwargs) if current_account() else _ask_to_sign_in()

    return guarded


def staff_required(*roles: Role) -> Callable[[Callable[P, ResponseReturnValue]], Callable[P, ResponseReturnValue]]:
    """A page for staff of these roles, and admins: guests are asked to sign in, others get a 403.

    The rights are those of the session: staff who signed in without a second factor are asked to sign in again.
    """

    def guard(view: Callable[P, ResponseReturnValue]) -> Callable[P, ResponseReturnValue]:
        @functools.wraps(view)
        def guarded(*args: P.args, **kwargs: P.kwargs) -> ResponseReturnValue:
            person = current_account()
            if person is None or needs_second_factor(person):
                return _ask_to_sign_in()
            if not person.works_as(*roles):
                abort(403)
            return view(*args, **kwargs)

        return staff_only(roles)(guarded)

    return guard


def current_actor() -> str:
    """Who of the staff is asking, as ledgers and trails name them: by their e-mail address, which is theirs alone."""
    person = current_account()
    if person is None:
        raise RuntimeError("an act of the staff without their guard")
    return (person.account.email or f"account {person.id}")[:MAX_ACTOR_LENGTH]


def works_as(*roles: Role) -> bool:
    """Whether someone of the staff is asking who has one of these roles, or an admin."""
    person = current_account()
    return person is not None and person.works_as(*roles)


def is_order_staff() -> bool:
    """The same for who may see all orders, for domains that know no roles."""
    return works_as(Role.ORDER_STAFF)


def needs_second_factor(person: SignedIn) -> bool:
    """Whether someone of the staff signed in without the second factor that their rights need."""
    return person.account.role.is_staff and not person.has_second_factor


def _ask_to_sign_in() -> ResponseReturnValue:
    """To the sign-in page, which leads back to the page that asked; of a form nothing is kept but where it stands."""
    shown = request.full_path.rstrip("?") if request.method == "GET" and not wants_fragment() else page_shown()
    return redirect_or_hx(url_for("sign_in.sign_in", next=safe_next_path(shown)))


def page_shown() -> str | None:
    """The path of the page in the browser that sent a form or an htmx request."""
    shown = urlsplit(request.headers.get("HX-Current-URL") or request.referrer or "")
    return f"{shown.path}?{shown.query}".rstrip("?") if shown.netloc == request.host else None


def sign_in(user: UserId, *, second_factor: bool = False) -> Merge:
    """Begin a new session of an account; what the guest had in this browser becomes the account's.

    The session that was there is ended, and its cookie is worth nothing any more. Nothing of the browser's own memory
    is given up before the databases have taken what it held.

    :param second_factor: whether a code was entered beside the password
    :return: what happened to the lines of the guest's cart
    """
    reference = accounts.open_session(user, device_name(request.user_agent.string), second_factor=second_factor)
    person, _ = accounts.find_session(reference) or (None, False)
    if person is None:
        raise accounts.UnknownUser(user)
    merge, going = Merge(()), checkout_id()
    if guest := session.get(CART):
        if going is not None:
            checkout.transfer_to_account(going, guest, cart.cart_key_of(user))
        merge = cart.merge(guest, cart.cart_key_of(user))
    if wishes := session.get(WISHLIST):
        accounts.merge_wishlists(wishes, user)
    end_session()
    kept = {ORDERS: order_ids(), RECENTLY_VIEWED: recently_viewed()}
    session.clear()
    login_user(person)
    session.permanent = True
    session.update(kept)
    remember_checkout(going if guest else None)
    security_event(SecurityEvent.SIGNED_IN, account=user, factors=2 if second_factor else 1)
    return merge


def shortened_lines(merge: Merge) -> list[str]:
    """What to tell of lines that had no room for all that both carts held."""
    return [_shortened(line) for line in merge.shortened]


def _shortened(line: MergedLine) -> str:
    if line.kept >= cart.MAX_UNITS:
        return f"Your cart now holds {line.kept} of {line.title}, the most that one order can have."
    if line.kept == 1:  # the last one, or none: the cart itself says which
        return f"There are not enough of {line.title}: your cart now holds 1."
    return f"Only {line.kept} of {line.title} are left: your cart now holds {line.kept}."


def end_session() -> None:
    """End the session of whoever is signed in, at the server too."""
    if person := current_account():
        accounts.end_session(person.reference)


def sign_out() -> None:
    """End the session, and let this browser forget what it knew: somebody else may use it next."""
    end_session()
    session.clear()
    g.pop("_login_user", None)


def cart_token() -> CartToken | None:
    """Whose cart it is: the account's, or the guest's of this browser; None until a guest put something in it."""
    if person := current_account():
        return cart.cart_key_of(person.id)
    return session.get(CART)


def cart_token_for_writing() -> CartToken:
    """The same; a guest without one gets one now (128 random bits)."""
    token = cart_token()
    if token is None:
        session.permanent = True
        token = session[CART] = CartToken(secrets.token_urlsafe(16))
    return token


def current_user_id() -> UserId | None:
    """The account that looks at a page, None for a guest."""
    person = current_account()
    return person.id if person else None


def verified_email() -> str | None:
    """The address of whoever is signed in, if it was proved to be theirs: letters may go there unasked for it."""
    person = current_account()
    return person.account.email if person and person.account.has_verified_email else None


def wishlist_owner() -> WishlistOwner | None:
    """Whose wishlist it is: the account's, or the guest's of this browser; None until a guest put something on it."""
    if person := current_account():
        return person.id
    return session.get(WISHLIST)


def wishlist_owner_for_writing() -> WishlistOwner:
    """The same; a guest without a list gets a token for one now (128 random bits)."""
    owner = wishlist_owner()
    if owner is None:
        session.permanent = True
        owner = session[WISHLIST] = WishlistToken(secrets.token_urlsafe(16))
    return owner


def checkout_id() -> str | None:
    """The checkout the visitor is going through."""
    return session.get(CHECKOUT)


def remember_checkout(going: str | None) -> None:
    """Keep, or with None forget, the checkout the visitor is going through."""
    if going is None:
        session.pop(CHECKOUT, None)
    else:
        session[CHECKOUT] = going


def order_ids() -> list[str]:
    """Orders a guest placed in this browser, or anyone proved here to know, newest first."""
    return list(session.get(ORDERS, []))


def remember_order(order: str) -> None:
    """Let this browser see an order from now on."""
    session.permanent = True
    session[ORDERS] = [order, *(known for known in order_ids() if known != order)][:MAX_REMEMBERED_ORDERS]


def can_view_order(order: str, customer: int | None) -> bool:
    """Whether an order is the visitor's; where it is not, that is written down.

    :param customer: the account it belongs to
    """
    person = current_account()
    is_theirs = order in order_ids() or (person is not None and person.id == customer)
    if not is_theirs:
        security_event(SecurityEvent.ACCESS_REFUSED, order=order)
    return is_theirs


def recently_viewed() -> list[int]:
    """Ids of the products looked at last, newest first."""
    return list(session.get(RECENTLY_VIEWED, []))


def remember_viewed(product: int) -> None:
    """Note that a product was looked at."""
    seen = [product, *(known for known in recently_viewed() if known != product)][:MAX_RECENTLY_VIEWED]
    if seen != recently_viewed():
        session[RECENTLY_VIEWED] = seen
