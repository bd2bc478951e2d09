"""What the worker does: hand out outbox messages, walk unfinished checkouts, let go of expired holds.

Huey keeps the queue: in a SQLite file by default, in Redis when REDIS_URL is set. A request only says that there is
work; whatever is missed is found by the sweep.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping
from typing import Any

from flask import Flask, url_for
from flask.ctx import RequestContext
from huey import Huey, RedisHuey, SqliteHuey, crontab

from storefront import mail, outbox
from storefront.catalog import service as catalog
from storefront.checkout import service as checkout
from storefront.database import db
from storefront.orders import events
from storefront.orders import service as orders
from storefront.payments import events as payment_events
from storefront.payments import service as payments

logger = logging.getLogger(__name__)

SWEEP_SECONDS = 10  # a checkout whose runner was killed goes on so soon after its lease: within a minute of the restart


def send_confirmation(key: str, payload: Mapping[str, Any]) -> None:
    """Tell the customer that the order is confirmed."""
    _write_to_customer("placed", "Your order {}", key, payload)


def send_cancellation(key: str, payload: Mapping[str, Any]) -> None:
    """Tell the customer that the order is cancelled."""
    _write_to_customer("cancelled", "Your order {} is cancelled", key, payload)


def _write_to_customer(template: str, subject: str, key: str, payload: Mapping[str, Any]) -> None:
    order = orders.get_order(payload["order"])
    mail.send(
        f"orders/email/{template}",
        key=key,
        to=order.email,
        subject=subject.format(order.id),
        order=order,
        order_url=url_for("orders.order", order_id=order.id, _external=True),
        track_url=url_for("orders.track", _external=True),
    )


def restock_cancelled(key: str, payload: Mapping[str, Any]) -> None:
    """Put the goods of a cancelled order back on sale."""
    catalog.restock(payload["checkout"], reason="cancellation", actor="shop")


def refund_cancelled(key: str, payload: Mapping[str, Any]) -> None:
    """Give the money of a cancelled order back."""
    payments.give_back(payload["checkout"], "order cancelled")


def follow_payment(key: str, payload: Mapping[str, Any]) -> None:
    """A provider has news of a payment: its checkout goes on."""
    checkout.follow_payment(payload["checkout"])


SUBSCRIPTIONS: Mapping[str, outbox.Handler] = {
    events.ORDER_PLACED: send_confirmation,
    events.CANCELLED_RESTOCK: restock_cancelled,
    events.CANCELLED_REFUND: refund_cancelled,
    events.CANCELLED_LETTER: send_cancellation,
    payment_events.PAYMENT_CHANGED: follow_payment,
}


def deliver_outboxes() -> int:
    """Deliver what is due in every outbox; one that is away does not stop the other. :return: how many messages"""
    delivered = 0
    for deliver in (payments.deliver_messages, orders.deliver_messages):
        try:
            delivered += deliver(SUBSCRIPTIONS)
        except Exception:
            logger.exception("an outbox could not be delivered; it is tried again in a minute")
            db.session.rollback()  # what is read next must not meet a connection that broke
    return delivered


def sweep() -> None:
    """Everything that may have been left lying: one job's fault does not stop the others."""
    for job in (checkout.resume_unfinished, catalog.release_expired, deliver_outboxes):
        try:
            job()
        except Exception:
            logger.exception("the sweep's %s failed; it is tried again in a minute", job.__name__)
            db.session.rollback()


def init_app(app: Flask) -> None:
    """Open the queue and name its tasks."""
    if app.config["REDIS_URL"]:
        huey: Huey = RedisHuey("storefront", url=app.config["REDIS_URL"], results=False)
    else:
        app.config["DATA_DIR"].mkdir(parents=True, exist_ok=True)
        huey = SqliteHuey("storefront", filename=str(app.config["DATA_DIR"] / "queue.db"), results=False)
    app.extensions["huey"] = huey

    def deliver() -> None:
        with _request_of(app):
            deliver_outboxes()

    def sweep_up() -> None:
        with _request_of(app):
            sweep()

    sweep_again = huey.task(name="sweep-again")(sweep_up)

    def sweep_for_a_minute() -> None:
        sweep_up()
        for delay in range(SWEEP_SECONDS, 60, SWEEP_SECONDS):
            sweep_again.schedule(delay=delay)

    app.extensions["hurry"] = huey.task(name="deliver")(deliver)
    app.extensions["sweep"] = huey.task(name="sweep-now")(sweep_for_a_minute)
    huey.periodic_task(crontab(minute="*"), name="sweep")(sweep_for_a_minute)


def _request_of(app: Flask) -> RequestContext:
    """Letters carry full addresses: of the configured origin, never of a Host header."""
    return app.test_request_context(base_url=app.config["PUBLIC_ORIGIN"])
