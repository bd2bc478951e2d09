"""E-mails and text messages rendered from templates."""

from __future__ import annotations

from typing import Any

from flask import render_template

from storefront.messaging import mail, sms


def send_email(template: str, *, key: str, to: str, subject: str, unsubscribe_url: str = "", **context: Any) -> None:
    """Render an e-mail and send it.

    :param template: path below `templates/` without suffix, such as "orders/email/placed"
    :param key: idempotency key of the e-mail; the same key gives the same Message-ID
    :param unsubscribe_url: of `mail.Email`; also passed to the templates
    :param context: for the templates
    """
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


def send_text(template: str, *, key: str, to: str, **context: Any) -> None:
    """Render a text message and send it.

    :param template: path below `templates/` without suffix, such as "sign_in/sms/code"
    :param key: idempotency key of the message
    :param to: phone number, E.164
    :param context: for the template
    """
    sms.send(key, to, render_template(f"{template}.txt", **context))
