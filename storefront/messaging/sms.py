"""Text messages, by one of two ports.

SMS_URL names a gateway that takes `{"to": "+91…", "text": "…"}` by POST; without it they lie beside the letters, to be
read at /dev/mail. In production there is no such place: without a gateway the shop sends none and says so.
"""

from __future__ import annotations

from dataclasses import dataclass
from html import escape
from typing import Protocol, cast

import requests
from flask import Flask, current_app

from storefront.messaging.mail import Email, FileTransport

GATEWAY_SECONDS = (3.05, 10)  # to connect, to answer; who takes longer is asked again later


class GatewayRefused(RuntimeError):
    """The gateway did not take a message. Its words are left out: they may repeat the message."""


@dataclass(frozen=True, slots=True)
class TextMessage:
    """:ivar id: names the occasion; the same message sent twice carries the same
    :ivar to: E.164
    """

    id: str
    to: str
    text: str


class SmsTransport(Protocol):
    """Where text messages go. `send` raises whatever went wrong: the caller keeps the message and comes back."""

    def send(self, message: TextMessage) -> None: ...


class HttpGateway:
    """Hands messages to an HTTP gateway.

    :ivar url: may hold user and password, for basic authentication
    """

    def __init__(self, url: str) -> None:
        self.url = url

    def send(self, message: TextMessage) -> None:
        try:
            answer = requests.post(
                self.url,
                json={"to": message.to, "text": message.text},
                headers={"Idempotency-Key": message.id},
                timeout=GATEWAY_SECONDS,
                allow_redirects=False,
            )
        except requests.RequestException as error:
            raise GatewayRefused(f"no answer: {type(error).__name__}") from None
        if not answer.ok or answer.is_redirect:
            raise GatewayRefused(f"answered {answer.status_code}")


class SmsFileTransport:
    """Lays messages down where the letters lie."""

    def __init__(self, post: FileTransport) -> None:
        self._post = post

    def send(self, message: TextMessage) -> None:
        words = f"<p>{escape(message.text)}</p>"
        self._post.send(Email(f"{message.id}@sms", message.to, "Text message", message.text, words))


def init_app(app: Flask) -> None:
    """Choose the port by SMS_URL."""
    texts: SmsTransport | None = None
    if app.config["SMS_URL"]:
        texts = HttpGateway(app.config["SMS_URL"])
    elif app.config["ENVIRONMENT"] != "production":
        texts = SmsFileTransport(FileTransport(app.config["DATA_DIR"] / "mail", app.config["SHOP_MAIL"]))
    app.extensions["sms"] = texts


def is_available() -> bool:
    """Whether this shop can send text messages at all."""
    return current_app.extensions["sms"] is not None


def send(key: str, to: str, text: str) -> None:
    """Send a text message.

    :param key: names the occasion
    :param to: E.164
    """
    cast("SmsTransport", current_app.extensions["sms"]).send(TextMessage(key.replace("/", "-"), to, text))
