"""The Stripe stand-in as a child process, a customer on its payment page, and the webhooks it sends."""

from __future__ import annotations

import http.client
import json
import sys
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlencode, urlsplit

from stripe import WebhookSignature

from tests.live_server import Program, inherited_environment
from tests.run import free_port

PAYS = "4242424242424242"
IS_DECLINED = "4000000000000341"
SECRET_KEY = "sk_test_of_the_stand_in"
WEBHOOK_SECRET = "whsec_of_the_stand_in"
WEBHOOK = "/payments/stripe/webhook"


def ask(url: str, method: str = "GET", /, **fields: str) -> tuple[int, str]:
    """Send a request to the stand-in without following redirects.

    :return: status and body
    """
    parts = urlsplit(url)
    connection = http.client.HTTPConnection(parts.netloc, timeout=20)
    headers = {"Authorization": f"Bearer {SECRET_KEY}", "Content-Type": "application/x-www-form-urlencoded"}
    try:
        connection.request(method, f"{parts.path}?{parts.query}", urlencode(fields), headers)
        answer = connection.getresponse()
        return answer.status, answer.read().decode()
    finally:
        connection.close()


def pay(page: str, card: str = PAYS) -> int:
    """Press the button of the payment page that a customer was redirected to.

    :return: status: 303, or 402 if the card is declined
    """
    return ask(page, "POST", card=card)[0]


@dataclass(frozen=True)
class Bank:
    """The running stand-in.

    :ivar origin: its URL
    """

    origin: str

    @property
    def settings(self) -> dict[str, str]:
        """Settings of a shop that uses it."""
        return {
            "PAYMENT_PROVIDER": "stripe",
            "STRIPE_SECRET_KEY": SECRET_KEY,
            "STRIPE_WEBHOOK_SECRET": WEBHOOK_SECRET,
            "STRIPE_API_BASE": self.origin,
        }

    def lose_answers(self, count: int) -> None:
        """Carry out the next requests, but drop the connection before answering."""
        ask(f"{self.origin}/_config/lose-answers/{count}", "POST")

    def behave(self, mode: str) -> None:
        """Change how every request is answered from now on.

        :param mode: `well`, `silent`, or an HTTP status
        """
        ask(f"{self.origin}/_config/behave/{mode}", "POST")

    @property
    def asked(self) -> int:
        """How many requests have arrived, from whomever."""
        return int(ask(f"{self.origin}/_config/asked")[1])

    def send_messages_to(self, shop: str) -> None:
        fields = {"url": shop + WEBHOOK, "secret": WEBHOOK_SECRET}
        assert ask(f"{self.origin}/_config/webhooks/shop", "POST", **fields)[0] == 200

    def kept(self, kind: str, checkout: str) -> list[dict[str, Any]]:
        """The stand-in's objects that belong to a checkout.

        :param kind: path of the list: `checkout/sessions`, `payment_intents`, `refunds`
        """
        objects = json.loads(ask(f"{self.origin}/v1/{kind}?limit=1000")[1])["data"]
        return [item for item in objects if item["metadata"].get("checkout") == checkout]

    def states_of(self, checkout: str) -> list[str]:
        return [intent["status"] for intent in self.kept("payment_intents", checkout)]

    def refunded(self, checkout: str) -> list[int]:
        return [refund["amount"] for refund in self.kept("refunds", checkout)]


@contextmanager
def open_bank(folder: Path) -> Iterator[Bank]:
    """Run the stand-in within the block; its data is lost at the end."""
    bank = Bank(f"http://127.0.0.1:{free_port()}")
    port = bank.origin.rpartition(":")[2]
    command = [sys.executable, "-m", "tests.stripe_stand_in", port]
    program = Program("bank", command, inherited_environment(), folder / "bank.log", lambda: _listens(bank))
    program.start()
    try:
        yield bank
    finally:
        program.stop()


def _listens(bank: Bank) -> bool:
    try:
        return ask(f"{bank.origin}/v1/refunds")[0] == 200
    except OSError:
        return False


def message(checkout: str | None, kind: str = "checkout.session.completed", *, event: str = "") -> str:
    """The body of a webhook event, with the members that the shop reads."""
    session = {"id": "cs_test_1", "object": "checkout.session", "metadata": {"checkout": checkout} if checkout else {}}
    event = event or f"evt_{uuid.uuid4().hex}"
    return json.dumps({"id": event, "object": "event", "type": kind, "data": {"object": session}})


def signed(body: str, *, secret: str = WEBHOOK_SECRET, at: int | None = None) -> dict[str, str]:
    """The headers of a signed webhook request.

    :param at: seconds since 1970, the current time unless given
    """
    return {
        "Stripe-Signature": WebhookSignature.generate_signature_header(body, secret, at),
        "Content-Type": "application/json",
    }
