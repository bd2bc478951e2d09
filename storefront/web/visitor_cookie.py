"""The session cookie, of which every copy can be revoked: what it holds counts only while its record is stored.

The record is the session of the account that is signed in or, for a guest, a row of their own, begun with the first
entry that is more than a cart or a list of goods. When the record ends, by signing out or in, by a new password, by
"sign out everywhere", the whole cookie is nobody's, whoever shows it. This is done where the cookie is read, so that no
view can forget it, and an entry with a new name needs a record unless it is added to `WITHOUT_RECORD`.
"""

from __future__ import annotations

from typing import Any

from flask import current_app, g, has_request_context, request
from flask.sessions import SecureCookieSession

from storefront.accounts import service as accounts
from storefront.accounts.values import SignedIn

ACCOUNT = "_user_id"  # Flask-Login's: the reference of the account's session
GUEST = "guest"  # the reference of the guest's record
CSRF_TOKEN = "csrf_token"  # noqa: S105

# Facts about the cookie itself, and messages that are shown once.
HARMLESS = frozenset({ACCOUNT, GUEST, CSRF_TOKEN, "_permanent", "_fresh", "_id", "_flashes", "_remember"})
# Goods only: no name, address or order. They work while the database of the accounts is away.
WITHOUT_RECORD = frozenset({"cart", "wishes", "seen", "removed", "removed-wish"})


def find_session(reference: str) -> tuple[SignedIn, bool] | None:
    """`accounts.find_session`, asked once in a request."""
    found: dict[str, tuple[SignedIn, bool] | None] = g.setdefault("sessions_found", {})
    if reference not in found:
        found[reference] = accounts.find_session(reference)
    return found[reference]


def has_session_cookie() -> bool:
    """Whether the request carries a session cookie, whatever it is worth."""
    return current_app.config["SESSION_COOKIE_NAME"] in request.cookies


class VisitorSession(SecureCookieSession):
    """The entries of the session cookie. The first one that matters is read only after the record was looked for."""

    _is_settled = False

    def _settle(self, key: str) -> None:
        """Drop what no record stands behind."""
        if self._is_settled or key in HARMLESS or not has_request_context():
            return
        is_nobodys = not self._is_alive()
        self._is_settled = True  # not before: with the database away the next reader asks again
        if is_nobodys:
            token = super().get(CSRF_TOKEN)
            self.clear()
            if token is not None:
                super().__setitem__(CSRF_TOKEN, token)
        elif not self._has_record():
            for entry in set(self) - HARMLESS - WITHOUT_RECORD:
                super().pop(entry)

    def _has_record(self) -> bool:
        return super().__contains__(ACCOUNT) or super().__contains__(GUEST)

    def _is_alive(self) -> bool:
        if account := super().get(ACCOUNT):
            return find_session(account) is not None
        guest = super().get(GUEST)
        return guest is None or accounts.is_guest_session(guest)

    def __contains__(self, key: object) -> bool:
        self._settle(str(key))
        return super().__contains__(key)

    def __getitem__(self, key: str) -> Any:
        self._settle(key)
        return super().__getitem__(key)

    def get(self, key: str, default: Any = None) -> Any:
        self._settle(key)
        return super().get(key, default)

    def pop(self, key: str, *default: Any) -> Any:
        self._settle(key)
        return super().pop(key, *default)

    def setdefault(self, key: str, default: Any = None) -> Any:
        if key not in self:
            self[key] = default
        return self[key]

    def __setitem__(self, key: str, value: Any) -> None:
        self._settle(key)
        if key not in HARMLESS | WITHOUT_RECORD and has_request_context() and not self._has_record():
            super().__setitem__(GUEST, accounts.open_guest_session())
        super().__setitem__(key, value)

    def update(self, *entries: Any, **more: Any) -> None:
        for key, value in dict(*entries, **more).items():
            self[key] = value

    def renew(self) -> None:
        """Go on under another reference: every copy of the cookie so far is nobody's."""
        if guest := super().get(GUEST):
            accounts.end_guest_session(guest)
            super().__setitem__(GUEST, accounts.open_guest_session())
