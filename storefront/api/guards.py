"""Guards: who may call an operation. They run before the request's input is parsed and answer 401, then 403.

People are let in by the guard that the operation declares, programs with an API key by the scope that it declares.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from flask import request
from werkzeug.exceptions import Forbidden, Unauthorized

from storefront.accounts import service as accounts
from storefront.accounts.service import Scope
from storefront.accounts.values import Account, Permission, SignedIn, UserId
from storefront.api.errors import OutOfScope
from storefront.core.security_log import SecurityEvent, security_event
from storefront.web import session as web_session
from storefront.web import staff_reads
from storefront.web.api_callers import current_api_key
from storefront.web.same_origin import SAFE_METHODS

CHANGED_BY_API = "account by API"  # the action's name in the staff's audit log

Guard = Callable[[Mapping[str, Any]], None]  # called with the path's parameters


def for_people_and_programs(access: Guard, scope: Scope | None) -> Guard:
    """Make the whole guard of an operation.

    :param access: lets people in
    :param scope: lets programs in; None: none of them
    """

    def guard(path: Mapping[str, Any]) -> None:
        if current_api_key() is None:
            access(path)
        else:
            _require_scope(scope, path)

    return guard


def _require_scope(scope: Scope | None, path: Mapping[str, Any]) -> None:
    """Allow the program that calls, if its key has a scope. What it reads of an account is in the audit log.

    :raise OutOfScope: it has not
    :raise accounts.UnknownUser: the path names an account that does not exist
    """
    key = current_api_key()
    if key is None or scope is None or scope not in key.scopes:
        security_event(SecurityEvent.ACCESS_REFUSED, api_key=key and key.id, scope=scope)
        raise OutOfScope(scope)
    if "user_id" in path:
        staff_reads.note(key.actor, staff_reads.subject_of(path["user_id"]))


def caller() -> SignedIn:
    """Return the signed-in account that sent this request.

    :raise Unauthorized: nobody is signed in; a program never is
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


def is_own(user_id: int | None) -> bool:
    """Whether an account is that of the caller; nothing is a program's own.

    :param user_id: None: a guest
    """
    return current_api_key() is None and caller().id == user_id


def acts_for_shop() -> bool:
    """Whether the caller may see and change orders of all customers: staff, or a program, whose scope was checked."""
    return current_api_key() is not None or caller().may(Permission.CUSTOMERS)


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
