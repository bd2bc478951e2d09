"""Who is asking: an account, by session cookie or bearer token; or a guest, known by their signed cookie."""

from __future__ import annotations

import secrets

from flask import Flask, Request, Response, g, request, session
from flask_login import LoginManager, current_user, login_user

from storefront.accounts import service as accounts
from storefront.accounts.service import SignedIn, UserId
from storefront.cart import service as cart
from storefront.cart.service import CartToken, Merge
from storefront.checkout import service as checkout

CART = "cart"
CHECKOUT = "checkout"
ORDERS = "orders"
SEEN = "seen"
WISHES = "wishes"

ORDERS_REMEMBERED = 20
SEEN_REMEMBERED = 8

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
    reference = accounts.reference_of(token.strip()) if kind.lower() == "bearer" else None
    return _arrive(reference) if reference else None


def _arrive(reference: str) -> SignedIn | None:
    found = accounts.find_session(reference)
    if found is None:
        return None
    person, is_touch_due = found
    if is_touch_due:
        g.used_session = reference
    return person


def _note_use(response: Response) -> Response:
    if reference := g.pop("used_session", None):
        accounts.touch(reference)
    return response


def account() -> SignedIn | None:
    """Who is signed in; asked of the database once a request, and only where a session is claimed."""
    person = current_user._get_current_object() if current_user else None
    return person if isinstance(person, SignedIn) else None


def sign_in(user: UserId) -> Merge:
    """Begin a new session of an account; what the guest had in this browser becomes the account's.

    The session that was there is ended, and its cookie is worth nothing any more.

    :return: what happened to the lines of the guest's cart
    """
    leave()
    guest, going, orders, seen = session.get(CART), checkout_id(), order_ids(), seen_products()
    session.clear()
    person, _ = accounts.find_session(accounts.open_session(user, request.user_agent.string)) or (None, False)
    if person is None:
        raise accounts.UnknownUser(user)
    login_user(person)
    session.permanent = True
    session.update({ORDERS: orders, SEEN: seen})
    if guest is None:
        return Merge(())
    if going is not None:
        checkout.adopt(going, guest, cart.token_of(user))
        remember_checkout(going)
    return cart.merge(guest, cart.token_of(user))


def leave() -> None:
    """End the session of whoever is signed in, at the server too."""
    if person := account():
        accounts.end_session(person.reference)


def sign_out() -> None:
    """End the session, and let this browser forget what it knew: somebody else may use it next."""
    leave()
    session.clear()
    g.pop("_login_user", None)


def cart_token() -> CartToken | None:
    """Whose cart it is: the account's, or the guest's of this browser; None until a guest put something in it."""
    if person := account():
        return cart.token_of(person.id)
    return session.get(CART)


def cart_token_for_writing() -> CartToken:
    """The same; a guest without one gets one now (128 random bits)."""
    token = cart_token()
    if token is None:
        session.permanent = True
        token = session[CART] = CartToken(secrets.token_urlsafe(16))
    return token


def wishes_token() -> str | None:
    """The token of a guest's wishlist; None until something was put on it."""
    return session.get(WISHES)


def wishes_token_for_writing() -> str:
    """The token of a guest's wishlist, made now if there is none (128 random bits)."""
    if WISHES not in session:
        session.permanent = True
        session[WISHES] = secrets.token_urlsafe(16)
    token: str = session[WISHES]
    return token


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
    session[ORDERS] = [order, *(known for known in order_ids() if known != order)][:ORDERS_REMEMBERED]


def may_see(order: str, customer: int | None) -> bool:
    """Whether an order is the visitor's. :param customer: the account it belongs to"""
    person = account()
    return order in order_ids() or (person is not None and person.id == customer)


def seen_products() -> list[int]:
    """Ids of the products looked at last, newest first."""
    return list(session.get(SEEN, []))


def remember_product(product: int) -> None:
    """Note that a product was looked at."""
    seen = [product, *(known for known in seen_products() if known != product)][:SEEN_REMEMBERED]
    if seen != seen_products():
        session[SEEN] = seen
