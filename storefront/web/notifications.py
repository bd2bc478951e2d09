"""E-mails and text messages rendered from templates, each within the bound of its recipient."""

from __future__ import annotations

from typing import Any

from flask import render_template

from storefront.accounts import service as accounts
from storefront.accounts.values import MailKind
from storefront.messaging import mail, sms


def send_email(
    template: str,
    *,
    kind: MailKind,
    key: str,
    to: str,
    subject: str,
    sort: str = "",
    unsubscribe_url: str = "",
    **context: Any,
) -> bool:
    """Render an e-mail and send it, unless its recipient had as many as the accounts allow.

    :param template: path below `templates/` without suffix, such as "orders/email/placed"
    :param kind: who caused it
    :param key: idempotency key of the e-mail; the same key gives the same Message-ID
    :param sort: of `accounts.admit_message`
    :param unsubscribe_url: of `mail.Email`; also passed to the templates
    :param context: for the templates
    :return: whether it was sent
    """
    if not accounts.admit_message(key, to, kind, sort=sort):
        return False
    context["unsubscribe_url"] = unsubscribe_url
    mail.send(
        mail.Email(
            id=mail.message_id(key),
            to=to,
            subject=subject,
            text=render_template(f"{template}.txt", **context),
            html=render_template(f"{template}.html", **context),
            unsubscribe_url=unsubscribe_url,
        )
    )
    return True


def send_text(template: str, *, kind: MailKind, key: str, to: str, **context: Any) -> None:
    """Render a text message and send it, unless its recipient had as many as the accounts allow.

    :param template: path below `templates/` without suffix, such as "sign_in/sms/code"
    :param kind: who caused it
    :param key: idempotency key of the message
    :param to: phone number, E.164
    :param context: for the template
    """
    if accounts.admit_message(key, to, kind):
        sms.send(key, to, render_template(f"{template}.txt", **context))
