"""Guards: who may call an operation. They run before the request's input is parsed and answer 401, then 403."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from flask import request
from werkzeug.exceptions import Forbidden, Unauthorized

from storefront.accounts import service as accounts
from storefront.accounts.values import Account, Permission, SignedIn, UserId
from storefront.web import session as web_session
from storefront.web import staff_reads
from storefront.web.same_origin import SAFE_METHODS

CHANGED_BY_API = "account by API"  # the action's name in the staff's audit log

Guard = Callable[[Mapping[str, Any]], None]  # called with the path's parameters


def caller() -> SignedIn:
    """Return the signed-in account that sent this request.

    :raise Unauthorized: nobody is signed in
    """
    person = web_session.current_account()
    if person is None:
        raise Unauthorized
    return person


def public(path: Mapping[str, Any]) -> None:
    """Allow everyone. A token is optional, but must be valid if it is sent.

    :raise Unauthorized: the token is invalid or expired
    """
    if "Authorization" in request.headers:
        caller()


def signed_in(path: Mapping[str, Any]) -> None:
    """Allow every signed-in account.

    :raise Unauthorized: nobody is signed in
    """
    caller()


def of_user(path: Mapping[str, Any]) -> None:
    """Allow the account that the path names by {userId}, and staff who may see customers' data.

    :raise Unauthorized: nobody is signed in
    :raise Forbidden: as `require_user`
    :raise accounts.UnknownUser: no such account; only staff get this answer
    """
    require_user(path["user_id"])


def require_user(user_id: int) -> None:
    """Allow an account named outside the path, such as in the query string, and staff who may see customers' data.

    What staff read or change of another account is recorded in the audit log first. Staff accounts can be changed by
    admins only.

    :raise Unauthorized: nobody is signed in
    :raise Forbidden: somebody else names the account, or staff without the admin role change a staff account
    :raise accounts.UnknownUser: no such account; only staff get this answer
    """
    person = caller()
    if person.id == user_id:
        return
    if not person.may(Permission.CUSTOMERS):
        raise Forbidden
    if request.method in SAFE_METHODS:
        staff_reads.note(web_session.current_actor(), staff_reads.subject_of(user_id))
    else:
        _record_change(person, accounts.get_account(UserId(user_id)))


def _record_change(person: SignedIn, changed: Account) -> None:
    if changed.role.is_staff and not person.may(Permission.ADMINISTRATION):
        raise Forbidden
    subject = changed.email or f"account {changed.id}"
    accounts.record_audit(
        actor=web_session.current_actor(),
        what=CHANGED_BY_API,
        subject=subject,
        detail=f"{request.method} {request.path}",
    )


def stock_staff(path: Mapping[str, Any]) -> None:
    """Allow staff who may change products and stock.

    :raise Unauthorized: nobody is signed in
    :raise Forbidden: the account has no such role
    """
    if not caller().may(Permission.PRODUCTS):
        raise Forbidden
