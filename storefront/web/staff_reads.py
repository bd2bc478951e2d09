"""Notes in the audit log which customers' data members of staff read, on pages and by API."""

from __future__ import annotations

from flask import current_app, request
from flask.typing import ResponseReturnValue

from storefront.accounts import service as accounts
from storefront.accounts.values import UserId


def note_page(answer: ResponseReturnValue, actor: str) -> ResponseReturnValue:
    """Note that the current page of the staff area was read, if it is an answer to a GET that shows something.

    The subject is the order or customer that its address names, or else the page itself: a list, a file.
    """
    response = current_app.make_response(answer)
    if request.method == "GET" and response.status_code == 200:
        note(actor, _subject())
    return response


def _subject() -> str:
    path = request.view_args or {}
    if "order_id" in path:
        return str(path["order_id"])
    if "user_id" in path:
        return subject_of(path["user_id"])
    return request.args.get("email") or request.path


def subject_of(user_id: int) -> str:
    """What an account is called in the audit log.

    :raise UnknownUser: there is no such account
    """
    account = accounts.get_account(UserId(user_id))
    return account.email or f"account {account.id}"


def note(actor: str, subject: str) -> None:
    """Note that data of a customer were read.

    :param actor: as `web.session.current_actor` returns it
    :param subject: the order's number, the account's e-mail address, or the path of a list
    """
    accounts.record_read(actor=actor, subject=subject, detail=f"{request.method} {request.path}")
