"""E-mails and text messages about accounts. One-time codes are derived when sent, and never stored in plain text."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from flask import current_app, url_for

from storefront.accounts import service as accounts
from storefront.accounts.service import SentCode
from storefront.accounts.values import MailKind, Purpose
from storefront.core.contact import is_email
from storefront.web.notifications import send_email, send_text

SUBJECTS = {
    Purpose.REGISTER: "{} is your code for {}",
    Purpose.SIGN_IN: "{} is your sign-in code for {}",
    Purpose.RESET: "{} is your code for a new password at {}",
    Purpose.EMAIL: "{} is your code to confirm this address at {}",
    Purpose.PHONE: "{} is your code to confirm this number at {}",
    Purpose.DELETION: "{} is your code to delete your account at {}",
    "proof": "{} is your code to change your account at {}",
}
CHANGES = {
    "password": "Your password was changed",
    "email": "Your e-mail address was changed",
    "phone": "Your phone number was changed",
    "second-factor-on": "Two-step sign-in was turned on",
    "second-factor-off": "Two-step sign-in was turned off",
    "identity": "A sign-in provider was linked to your account",
}


def send_code(key: str, payload: Mapping[str, Any]) -> None:
    """Send a one-time code by e-mail or text message, unless it has expired.

    If the address already has an account, its owner is told so instead; to a decoy nothing is sent.
    """
    sent = accounts.find_sent_code(payload["code"])
    if sent is None or sent.payload.get("is_nobody"):
        return
    if sent.payload.get("is_known"):
        _send_account_exists(key, sent)
        return
    kind = MailKind.SIGN_IN_CODE if sent.purpose is Purpose.SIGN_IN else MailKind.CODE
    subject = SUBJECTS[sent.reason].format(sent.digits, current_app.config["SHOP_NAME"])
    if is_email(sent.address):
        send_email("sign_in/email/code", kind=kind, key=key, to=sent.address, subject=subject, sent=sent)
    else:
        send_text("sign_in/sms/code", kind=kind, key=key, to=sent.address, sent=sent, subject=subject)


def _send_account_exists(key: str, sent: SentCode) -> None:
    """Tell the owner of an address that somebody tried to use it for another account."""
    links = {
        "sign_in_url": url_for("sign_in.sign_in", _external=True),
        "reset_url": url_for("sign_in.forgotten", _external=True),
    }
    if is_email(sent.address):
        subject = f"You have an account at {current_app.config['SHOP_NAME']} already"
        send_email(
            "sign_in/email/account_exists", kind=MailKind.CODE, key=key, to=sent.address, subject=subject, **links
        )
    else:
        send_text("sign_in/sms/account_exists", kind=MailKind.CODE, key=key, to=sent.address, **links)


def send_change_notice(key: str, payload: Mapping[str, Any]) -> None:
    """Tell the owner of an account that their sign-in details were changed."""
    send_email(
        "sign_in/email/changed",
        kind=MailKind.CHANGE,
        sort=payload["what"],
        key=key,
        to=payload["to"],
        subject=CHANGES[payload["what"]],
        what=payload["what"],
        heading=CHANGES[payload["what"]],
        reset_url=url_for("sign_in.forgotten", _external=True),
    )
