"""Who may call an operation. A guard is asked before anything else of the request is read: 401, then 403."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from flask import request
from werkzeug.exceptions import Forbidden, Unauthorized

from storefront.accounts import service as accounts
from storefront.accounts.service import Account, Role, SignedIn, UserId
from storefront.web import session as web_session
from storefront.web.same_origin import SAFE_METHODS

CHANGED_BY_API = "account by API"  # what the trail of the staff calls it

Guard = Callable[[Mapping[str, Any]], None]  # given the values of the path


def caller() -> SignedIn:
    """Who calls.

    :raise Unauthorized: nobody is signed in
    """
    person = web_session.current_account()
    if person is None:
        raise Unauthorized
    return person


def public(path: Mapping[str, Any]) -> None:
    """Everyone; but who brings a token brings a good one.

    :raise Unauthorized: the token is not one of ours, or over
    """
    if "Authorization" in request.headers:
        caller()


def signed_in(path: Mapping[str, Any]) -> None:
    """Whoever has an account.

    :raise Unauthorized: nobody is signed in
    """
    caller()


def of_user(path: Mapping[str, Any]) -> None:
    """The user whom the path names by {userId}, or staff.

    :raise Unauthorized: nobody is signed in
    :raise Forbidden: it is somebody else, or one of the staff
    :raise accounts.UnknownUser: there is no such account, which only staff can come upon
    """
    require_user(path["user_id"])


def require_user(user_id: int) -> None:
    """The same for a user named elsewhere, such as in the query string.

    What staff change for somebody else is noted before it is done; at the accounts of staff only admins change things.
    """
    person = caller()
    if person.id == user_id:
        return
    if not person.role.is_staff:
        raise Forbidden
    if request.method not in SAFE_METHODS:
        _note_change(person, accounts.get_account(UserId(user_id)))


def _note_change(person: SignedIn, whose: Account) -> None:
    if whose.role.is_staff and person.role is not Role.ADMIN:
        raise Forbidden
    subject = whose.email or f"account {whose.id}"
    accounts.record_audit(
        actor=web_session.current_actor(),
        what=CHANGED_BY_API,
        subject=subject,
        detail=f"{request.method} {request.path}",
    )


def stock_staff(path: Mapping[str, Any]) -> None:
    """Who may change goods and stock.

    :raise Unauthorized: nobody is signed in
    :raise Forbidden: it is no business of theirs
    """
    if not caller().works_as(Role.STOCK_STAFF):
        raise Forbidden
