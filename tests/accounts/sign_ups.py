"""Registrations and sign-ups for tests."""

from __future__ import annotations

from storefront.accounts import service as accounts
from storefront.accounts.values import Account
from tests.factories.accounts import PASSWORD
from tests.mailbox import Mailbox

__all__ = ["EMAIL", "PASSWORD", "PHONE", "register", "sign_up"]

EMAIL = "asha.rao@example.com"
PHONE = "+919876543210"


def register(mailbox: Mailbox, *, email: str = EMAIL, password: str = PASSWORD) -> Account:
    """Create an account as the pages do."""
    ticket = accounts.register("Asha Rao", email, password)
    return accounts.finish_registration(email, ticket, mailbox.code_for(email))


def sign_up(mailbox: Mailbox, *, email: str = EMAIL, phone: str | None = None) -> Account:
    """Create an account as the legacy client does."""
    pending = accounts.start_sign_up(email, phone)
    accounts.send_sign_up_code(pending.id, email)
    verified = accounts.verify_sign_up(mailbox.code_for(email), user=pending.id, email=email)
    return accounts.finish_sign_up(verified, PASSWORD)
