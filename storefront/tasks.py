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
from storefront.orders import service as orders
from storefront.orders.events import ORDER_PLACED

logger = logging.getLogger(__name__)


def send_confirmation(key: str, payload: Mapping[str, Any]) -> None:
    """Tell the customer that the order is confirmed."""
    order = orders.get_order(payload["order"])
    mail.send(
        "orders/email/placed",
        key=key,
        to=order.email,
        subject=f"Your order {order.id}",
        order=order,
        order_url=url_for("orders.order", order_id=order.id, _external=True),
        track_url=url_for("orders.track", _external=True),
    )


SUBSCRIPTIONS: Mapping[str, outbox.Handler] = {ORDER_PLACED: send_confirmation}


def deliver_outboxes() -> int:
    """Deliver what is due in every outbox. :return: how many messages"""
    return orders.deliver_messages(SUBSCRIPTIONS)


def sweep() -> None:
    """Everything that may have been left lying: one job's fault does not stop the others."""
    for job in (checkout.resume_unfinished, catalog.release_expired, deliver_outboxes):
        try:
            job()
        except Exception:
            logger.exception("the sweep's %s failed; it is tried again in a minute", job.__name__)


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

    app.extensions["hurry"] = huey.task(name="deliver")(deliver)
    huey.periodic_task(crontab(minute="*"), name="sweep")(sweep_up)


def _request_of(app: Flask) -> RequestContext:
    """Letters carry full addresses: of the configured origin, never of a Host header."""
    return app.test_request_context(base_url=app.config["PUBLIC_ORIGIN"])
