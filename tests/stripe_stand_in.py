"""A stand-in for Stripe: localstripe, extended by the features that it lacks and the shop uses.

    python -m tests.stripe_stand_in 8420

localstripe has payment intents, charges and refunds and sends signed webhooks. This module adds checkout sessions with
a payment page, and idempotency keys that behave as Stripe documents them: a repeated request gets the same answer, a
request with other content or one that is still in progress is refused. Unknown parameters are errors.
"""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Awaitable, Callable
from typing import Any
from urllib.parse import urlsplit

from aiohttp import web
from localstripe import resources
from localstripe.errors import UserError
from localstripe.resources import Event, PaymentIntent, PaymentMethod, StripeObject
from localstripe.server import api_create, api_extra, api_list_all, api_retrieve, app
from localstripe.webhooks import schedule_webhook

PAYS = "4242424242424242"
IS_DECLINED = "4000000000000341"

PAGE = """<!doctype html>
<html lang="en"><head><meta charset="utf-8"><title>Pay {amount} {currency}</title></head><body>
<h1>Pay {amount} {currency}</h1><p id="problem">{problem}</p>
<form method="post">
<button name="card" value="{pays}">Pay</button> <button name="card" value="{is_declined}">Pay with a bad card</button>
</form><p><a href="{cancel_url}">Back to the shop</a></p></body></html>"""

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


def require(condition: bool, message: str) -> None:
    """Answer 400 unless the condition holds."""
    if not condition:
        raise UserError(400, message)


class CheckoutSession(StripeObject):  # type: ignore[misc]
    """A checkout session with `mode=payment`, a single line item and manual capture."""

    object = "checkout.session"
    _id_prefix = "cs_test_"

    def __init__(
        self,
        *,
        mode: str,
        line_items: list[dict[str, Any]],
        payment_intent_data: dict[str, Any],
        payment_method_types: list[str],
        success_url: str,
        cancel_url: str,
        client_reference_id: str,
        metadata: dict[str, str],
    ) -> None:
        require(mode == "payment", "mode")
        require(payment_method_types == ["card"], "payment_method_types")
        require(payment_intent_data.keys() == {"capture_method", "metadata"}, "payment_intent_data")
        require(payment_intent_data["capture_method"] == "manual", "capture_method")
        require(all(urlsplit(url).scheme in {"http", "https"} for url in (success_url, cancel_url)), "Not a valid URL")
        (item,) = line_items
        price = item["price_data"]
        require(item.keys() == {"quantity", "price_data"} and item["quantity"] == "1", "line_items")
        require(price.keys() == {"currency", "unit_amount", "product_data"}, "price_data")
        require(bool(price["product_data"]["name"]), "product_data")
        require(price["currency"].islower() and int(price["unit_amount"]) > 0, "unit_amount")
        super().__init__()
        self.mode, self.status, self.payment_intent = mode, "open", None
        self.success_url, self.cancel_url = success_url, cancel_url
        self.client_reference_id, self.metadata = client_reference_id, metadata
        self.amount_total, self.currency = int(price["unit_amount"]), price["currency"]
        self._intent_data = payment_intent_data

    @property
    def url(self) -> str | None:
        return f"{ORIGIN}/_config/pay/{self.id}" if self.status == "open" else None

    @classmethod
    def _api_create(cls, **data: Any) -> CheckoutSession:
        try:
            return cls(**data)
        except (TypeError, KeyError, ValueError) as mistake:
            raise UserError(400, str(mistake)) from mistake

    @classmethod
    def _api_expire(cls, id: str) -> CheckoutSession:
        session: CheckoutSession = cls._api_retrieve(id)
        require(session.status == "open", "Only open sessions can be expired")
        session.status = "expired"
        schedule_webhook(Event("checkout.session.expired", session))
        return session

    def _pay(self, card: str) -> None:
        """Pay the session with a card.

        :raise UserError: the card was declined; the session stays open, as on Stripe's own page
        """
        require(self.status == "open", "This session is over")
        details = {"number": card, "exp_month": "12", "exp_year": "2040", "cvc": "123"}
        method = PaymentMethod(type="card", card=details)
        intent = PaymentIntent._api_create(
            amount=self.amount_total,
            currency=self.currency,
            payment_method=method.id,
            confirm=True,
            **self._intent_data,
        )
        self.status, self.payment_intent = "complete", intent.id
        schedule_webhook(Event("payment_intent.amount_capturable_updated", intent))
        schedule_webhook(Event("checkout.session.completed", self))


def create_refund(cls: type[StripeObject], **data: Any) -> StripeObject:
    """Create a refund; like Stripe, and unlike localstripe, refuse more than is left of the charge."""
    intent = PaymentIntent._api_retrieve(data["payment_intent"])
    refunds = resources.Refund._api_list_all("/v1/refunds", payment_intent=intent.id)._list
    refundable = intent.amount - sum(refund.amount for refund in refunds)
    require(int(data["amount"]) <= refundable, "Refund amount is greater than unrefunded amount on charge")
    return cls(**data)


async def forget_keys(request: web.Request) -> web.Response:
    """Drop all idempotency keys, as Stripe does after a day."""
    answers.clear()
    return web.Response()


async def show_page(request: web.Request) -> web.Response:
    session = CheckoutSession._api_retrieve(request.match_info["id"])
    return page_of(session, "")


async def pay(request: web.Request) -> web.StreamResponse:
    session = CheckoutSession._api_retrieve(request.match_info["id"])
    try:
        session._pay(str((await request.post())["card"]))
    except UserError as refusal:
        return page_of(session, refusal.body["error"]["message"])
    raise web.HTTPSeeOther(session.success_url)


def page_of(session: CheckoutSession, problem: str) -> web.Response:
    words = {"amount": session.amount_total, "currency": session.currency, "cancel_url": session.cancel_url}
    text = PAGE.format(**words, problem=problem, pays=PAYS, is_declined=IS_DECLINED)
    return web.Response(text=text, content_type="text/html", status=402 if problem else 200)


# --------------------------------------------------------------------------------------- idempotency and lost answers

answers: dict[str, tuple[str, bytes, web.Response | None]] = {}
answers_to_lose = 0


async def lose_answers(request: web.Request) -> web.Response:
    """Carry out the next requests, but drop the connection before answering."""
    global answers_to_lose  # noqa: PLW0603
    answers_to_lose = int(request.match_info["count"])
    return web.Response()


answering = asyncio.Event()  # cleared while requests are left without an answer
status_instead: int | None = None
asked = 0


async def behave(request: web.Request) -> web.Response:
    """Answer, be silent, or answer with an error status from now on."""
    global status_instead  # noqa: PLW0603
    mode = request.match_info["mode"]
    status_instead = int(mode) if mode.isdecimal() else None
    answering.clear() if mode == "silent" else answering.set()
    return web.Response()


async def count_asked(request: web.Request) -> web.Response:
    """Tell how many requests of the API have arrived."""
    return web.json_response(asked)


@web.middleware
async def misbehaving(request: web.Request, handler: Handler) -> web.StreamResponse:
    global asked  # noqa: PLW0603
    if not request.path.startswith("/v1/"):
        return await handler(request)
    asked += 1
    await answering.wait()
    if status_instead is not None:
        return error_response(status_instead, "api_error", "not now")
    return await handler(request)


@web.middleware
async def dropping_answers(request: web.Request, handler: Handler) -> web.StreamResponse:
    global answers_to_lose  # noqa: PLW0603
    response = await handler(request)
    if answers_to_lose and request.path.startswith("/v1/"):
        answers_to_lose -= 1
        assert request.transport is not None
        request.transport.abort()
    return response


@web.middleware
async def idempotent(request: web.Request, handler: Handler) -> web.StreamResponse:
    key = request.headers.get("Idempotency-Key")
    if key is None or request.method != "POST":
        return await handler(request)
    body = await request.read()
    if key in answers:
        path, content, answer = answers[key]
        if (path, content) != (request.path, body):
            return error_response(400, "idempotency_error", "Keys can only be used with the same parameters")
        if answer is None:
            return error_response(409, "invalid_request_error", "There is another request in progress with this key")
        return web.Response(body=answer.body, status=answer.status, content_type="application/json")
    answers[key] = (request.path, body, None)
    try:
        response = await handler(request)
    except UserError as error:
        response = error.to_response()
    assert isinstance(response, web.Response)
    answers[key] = (request.path, body, response)
    return response


def error_response(status: int, kind: str, message: str) -> web.Response:
    return web.json_response({"error": {"type": kind, "message": message}}, status=status)


if __name__ == "__main__":
    port = int(sys.argv[1])
    ORIGIN = f"http://127.0.0.1:{port}"
    resources.Store.dump_to_disk = lambda self: None  # it would write to a fixed path
    resources.Refund._api_create = classmethod(create_refund)
    sessions = "/v1/checkout/sessions"
    app.router.add_post(f"{sessions}/{{id}}/expire", api_extra(CheckoutSession._api_expire, sessions))
    app.router.add_post(sessions, api_create(CheckoutSession, sessions))
    app.router.add_get(sessions, api_list_all(CheckoutSession, sessions))
    app.router.add_get(f"{sessions}/{{id}}", api_retrieve(CheckoutSession, sessions))
    app.router.add_get("/_config/pay/{id}", show_page)
    app.router.add_post("/_config/pay/{id}", pay)
    app.router.add_post("/_config/lose-answers/{count}", lose_answers)
    app.router.add_post("/_config/forget-keys", forget_keys)
    app.router.add_post("/_config/behave/{mode}", behave)
    app.router.add_get("/_config/asked", count_asked)
    answering.set()
    app.middlewares.insert(0, dropping_answers)
    app.middlewares.insert(0, misbehaving)
    app.middlewares.append(idempotent)
    web.run_app(app, host="127.0.0.1", port=port, access_log=None, print=None)
