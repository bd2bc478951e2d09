"""Sending of text messages, by an HTTP gateway or to files.

SMS_URL names a gateway that accepts `{"to": "+91…", "text": "…"}` by POST. Without it they are written to files beside
the e-mails and can be read at /dev/mail; in production they are then unavailable, and forms offer e-mail only.
"""

from __future__ import annotations

from dataclasses import dataclass
from html import escape
from typing import Protocol, cast

from flask import Flask, current_app

from storefront.core import metrics
from storefront.core.outside_calls import OutsideService, ServiceUnavailable, is_http_failure
from storefront.messaging.mail import Email, FileTransport

GATEWAY_SECONDS = (3.05, 10)  # time-outs: to connect, to answer
GATEWAY = OutsideService("sms", is_http_failure)


class GatewayRefused(RuntimeError):
    """The gateway did not accept a message. Its answer is left out: it may repeat the message."""


@dataclass(frozen=True, slots=True)
class TextMessage:
    """A text message.

    :ivar id: idempotency key; the same for a message sent twice
    :ivar to: phone number, E.164
    """

    id: str
    to: str
    text: str


class SmsTransport(Protocol):
    """Sends text messages. `send` raises on failure: the caller keeps the message and tries again."""

    def send(self, message: TextMessage) -> None: ...


class HttpGateway:
    """Sends messages by an HTTP gateway.

    :ivar url: may contain user and password, for basic authentication
    """

    def __init__(self, url: str) -> None:
        self.url = url

    def send(self, message: TextMessage) -> None:
        import requests  # with its dependencies 4 MB, for the worker

        try:
            GATEWAY.call("send", lambda: self._post(message))
        except requests.HTTPError as error:
            raise GatewayRefused(f"answered {getattr(error.response, 'status_code', 'an error')}") from None
        except requests.RequestException as error:
            raise GatewayRefused(f"no answer: {type(error).__name__}") from None
        except ServiceUnavailable as error:
            raise GatewayRefused(f"not asked: {error}") from None

    def _post(self, message: TextMessage) -> None:
        import requests

        answer = requests.post(
            self.url,
            json={"to": message.to, "text": message.text},
            headers={"Idempotency-Key": message.id},
            timeout=GATEWAY_SECONDS,
            allow_redirects=False,
        )
        if answer.is_redirect:
            raise requests.HTTPError("a redirect", response=answer)
        answer.raise_for_status()


class SmsFileTransport:
    """Writes messages to files beside the e-mails."""

    def __init__(self, files: FileTransport) -> None:
        self._files = files

    def send(self, message: TextMessage) -> None:
        html = f"<p>{escape(message.text)}</p>"
        self._files.send(Email(f"{message.id}@sms", message.to, "Text message", message.text, html))


def init_app(app: Flask) -> None:
    """Choose the transport by SMS_URL."""
    transport: SmsTransport | None = None
    if app.config["SMS_URL"]:
        transport = HttpGateway(app.config["SMS_URL"])
    elif app.config["ENVIRONMENT"] != "production":
        transport = SmsFileTransport(FileTransport(app.config["DATA_DIR"] / "mail", app.config["SHOP_MAIL"]))
    app.extensions["sms"] = transport


def is_available() -> bool:
    """Whether this shop can send text messages."""
    return current_app.extensions["sms"] is not None


def send(key: str, to: str, text: str) -> None:
    """Send a text message by the configured transport.

    :param key: idempotency key of the message
    :param to: phone number, E.164
    """
    with metrics.message("sms"):
        cast("SmsTransport", current_app.extensions["sms"]).send(TextMessage(key.replace("/", "-"), to, text))
