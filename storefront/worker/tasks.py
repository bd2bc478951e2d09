"""Tasks of the worker: deliver outbox messages, resume unfinished checkouts, release expired reservations.

Huey manages the queue, in a SQLite file by default, in Redis if REDIS_URL is set. Requests only wake the worker; the
periodic sweep finds all work that was missed.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from typing import Any

from flask import Flask, url_for
from flask.ctx import RequestContext
from huey import Huey, RedisHuey, SqliteHuey, crontab

from storefront.accounts import events as accounts_events
from storefront.accounts import service as accounts
from storefront.accounts.values import MailKind
from storefront.cart import service as cart
from storefront.catalog import events as catalog_events
from storefront.catalog import inventory, listing, media, products, reviews
from storefront.catalog.values import Offer, Sku
from storefront.checkout import service as checkout
from storefront.db import outbox
from storefront.db.session import db, is_unavailable
from storefront.messaging.signed_messages import MessageSigner
from storefront.orders import events
from storefront.orders import service as orders
from storefront.orders.values import OrderStatus
from storefront.payments import events as payment_events
from storefront.web.notifications import send_email
from storefront.webhooks import events as webhooks_events
from storefront.webhooks import service as webhooks
from storefront.worker import account_emails, order_emails, refund_handlers, stock_handlers, webhook_emails
from storefront.worker.webhook_events import WEBHOOK_EVENT_DUE, record_postponed, with_webhooks
from storefront.worker.webhook_sender import WebhookSender

logger = logging.getLogger(__name__)

SWEEP_SECONDS = 10  # an interrupted checkout is resumed within this time after its lease expired


def send_confirmation(key: str, payload: Mapping[str, Any]) -> None:
    """Tell the customer that the order is confirmed."""
    _send_to_customer("placed", "Your order {}", key, payload, by_staff=False)


def send_held(key: str, payload: Mapping[str, Any]) -> None:
    """Tell the customer that the order is checked before it is confirmed."""
    _send_to_customer("held", "We have received your order {}", key, payload, by_staff=False)


def send_cancellation(key: str, payload: Mapping[str, Any]) -> None:
    """Tell the customer that the order is cancelled, or that its parcel came back."""
    order = orders.get_order(payload["order"])
    if order.status is OrderStatus.UNDELIVERED:
        _send_to_customer("undelivered", "Your order {} came back to us", key, payload, by_staff=True)
    else:
        _send_to_customer("cancelled", "Your order {} is cancelled", key, payload, by_staff=False)


def send_packing(key: str, payload: Mapping[str, Any]) -> None:
    """Tell the customer that the order is being packed."""
    _send_to_customer("processing", "Your order {} is being packed", key, payload, by_staff=True)


def send_shipping(key: str, payload: Mapping[str, Any]) -> None:
    """Tell the customer that the order was shipped, with its tracking number."""
    _send_to_customer("shipped", "Your order {} is on its way", key, payload, by_staff=True)


def send_delivery(key: str, payload: Mapping[str, Any]) -> None:
    """Tell the customer that the order was delivered."""
    _send_to_customer("delivered", "Your order {} was delivered", key, payload, by_staff=True)


def _send_to_customer(template: str, subject: str, key: str, payload: Mapping[str, Any], *, by_staff: bool) -> None:
    order = orders.get_order(payload["order"])
    orders.issue_documents(order)
    order_emails.send(order, template, subject.format(order.id), key, by_staff=by_staff)


def notify_back_in_stock(key: str, payload: Mapping[str, Any]) -> None:
    """Enqueue the back-in-stock e-mails of a product, batch by batch, while it is available."""
    sku = Sku(payload["sku"])
    while _find_available(sku) is not None:
        if not accounts.enqueue_alerts(sku, key):
            break


def send_back_in_stock(key: str, payload: Mapping[str, Any]) -> None:
    """Send one back-in-stock e-mail.

    If the product is sold out again, or the address had its share of e-mails, the alert waits for the next time.
    """
    alert = accounts.find_alert(payload["notice"])
    if alert is None:
        return
    offer = _find_available(Sku(alert.sku))
    if offer is None:
        accounts.rearm(alert.id)
        return
    is_sent = send_email(
        "wishlist/email/back_in_stock",
        kind=MailKind.OWN_ALERT if alert.is_proved else MailKind.ALERT,
        key=key,
        to=alert.email,
        subject=f"{offer.title} is back",
        unsubscribe_url=url_for("wishlist.alert", token=alert.token, _external=True),
        offer=offer,
        product_url=url_for(
            "catalog.product",
            product_id=offer.product_id,
            slug=offer.slug,
            sku=offer.sku if offer.option else None,
            _external=True,
        ),
    )
    if not is_sent:
        accounts.rearm(alert.id)


def _find_available(sku: Sku) -> Offer | None:
    offer = products.offers_of([sku]).get(sku)
    return offer if offer is not None and offer.is_sellable and offer.available > 0 else None


def reindex_category(key: str, payload: Mapping[str, Any]) -> None:
    """Update the search index of a renamed category's products."""
    products.admin.reindex_category(payload["category"])


def rebuild_search_index(key: str, payload: Mapping[str, Any]) -> None:
    """Rewrite the search index of all products, a part for each message."""
    listing.search_index.rebuild_part(payload.get("run", key), payload.get("after", 0))


def resume_after_webhook(key: str, payload: Mapping[str, Any]) -> None:
    """Resume the checkout of a payment whose status changed at the provider."""
    checkout.resume_after_webhook(payload["checkout"])


def erase_customer(key: str, payload: Mapping[str, Any]) -> None:
    """Erase a deleted account from every other domain; each step is safe to repeat.

    The checkout comes first: one that is still running is completed, so that its order is anonymized, too.
    """
    user = payload["user"]
    token = cart.cart_key_of(user)
    checkout.erase(token)
    cart.forget(token)
    orders.erase_customer(user)
    reviews.anonymise_author(user)


_HANDLERS: Mapping[str, outbox.Handler] = {
    events.ORDER_HELD: send_held,
    events.ORDER_PLACED: send_confirmation,
    events.ORDER_PACKED: send_packing,
    events.ORDER_SHIPPED: send_shipping,
    events.ORDER_DELIVERED: send_delivery,
    events.CANCELLED_RESTOCK: refund_handlers.restock_cancelled,
    events.CANCELLED_REFUND: refund_handlers.refund_cancelled,
    events.CANCELLED_LETTER: send_cancellation,
    events.CASH_RECEIVED: refund_handlers.settle_cash,
    events.REFUND_MONEY: refund_handlers.refund_part,
    events.REFUND_RESTOCK: refund_handlers.restock_part,
    events.REFUND_LETTER: refund_handlers.send_refund,
    events.RETURN_LETTER: refund_handlers.send_return,
    payment_events.PAYMENT_CHANGED: resume_after_webhook,
    catalog_events.BACK_IN_STOCK: notify_back_in_stock,
    catalog_events.STOCK_LOW: stock_handlers.send_low_stock,
    catalog_events.STOCK_DIGEST: stock_handlers.send_digest,
    catalog_events.CATEGORY_RENAMED: reindex_category,
    catalog_events.SEARCH_INDEX_OUTDATED: rebuild_search_index,
    accounts_events.STOCK_NOTICE_DUE: send_back_in_stock,
    accounts_events.ACCOUNT_DELETED: erase_customer,
    accounts_events.CODE_SENT: account_emails.send_code,
    accounts_events.ACCOUNT_CHANGED: account_emails.send_change_notice,
    webhooks_events.ENDPOINT_DISABLED: webhook_emails.send_disabled,
    WEBHOOK_EVENT_DUE: record_postponed,
}
SUBSCRIPTIONS = {topic: with_webhooks(topic, handler) for topic, handler in _HANDLERS.items()}


# Delivered before every other message, however many wait: somebody sits before a form and waits for the code.
URGENT_SCHEMA, URGENT_TOPICS = "accounts", frozenset({accounts_events.CODE_SENT})


def deliver_outboxes() -> int:
    """Deliver the due messages of every outbox; an unavailable database does not stop the others.

    :return: how many messages, without those that `deliver_urgent` delivered between two others
    """
    delivered = deliver_urgent()
    for schema, table in outbox.outboxes().items():
        try:
            delivered += outbox.deliver(schema, table, SUBSCRIPTIONS, between=deliver_urgent)
        except Exception:
            logger.exception("the outbox of %s could not be delivered; it is tried again in a minute", schema)
            db.session.rollback()  # the next query must not use a broken connection
    return delivered


def deliver_urgent() -> int:
    """Deliver the one-time codes that are due.

    :return: how many
    """
    if is_unavailable(URGENT_SCHEMA):
        return 0
    try:
        table = outbox.outboxes()[URGENT_SCHEMA]
        return outbox.deliver(URGENT_SCHEMA, table, SUBSCRIPTIONS, topics=URGENT_TOPICS)
    except Exception:
        logger.exception("the codes cannot be delivered; it is tried again in a minute")
        db.session.rollback()
        return 0


def sweep() -> None:
    """Do all work that is due or was interrupted."""
    _run_all(checkout.resume_unfinished, inventory.release_expired, deliver_outboxes, stock_handlers.apply_imports)
    _run_all(products.admin.apply_prices)


def cleanup() -> None:
    """Delete expired data: sessions, codes, unfinished sign-ups, guest wishlists, old imports, unused image files."""
    _run_all(accounts.forget_ended, accounts.forget_old_codes, accounts.forget_unfinished)
    _run_all(accounts.purge_guest_wishlists, accounts.forget_guest_sessions, accounts.forget_message_counts)
    _run_all(checkout.purge_duplicate_guards, inventory.admin.forget_old_imports, stock_handlers.send_daily_digest)
    _run_all(products.admin.purge_idempotency_keys, media.gallery.delete_orphans)
    _run_all(webhooks.purge_events, webhooks.keep_secrets_readable)


def _run_all(*jobs: Callable[[], object]) -> None:
    """Run jobs; an error in one does not stop the others."""
    for job in jobs:
        try:
            job()
        except Exception:
            logger.exception("the worker's %s failed; it is tried again at its next time", job.__name__)
            db.session.rollback()


def init_app(app: Flask) -> None:
    """Open the queue and register its tasks."""
    signer = MessageSigner(app.config["SECRET_KEY"], app.config["SECRET_KEY_FALLBACKS"])
    if app.config["REDIS_URL"]:
        huey: Huey = RedisHuey("storefront", url=app.config["REDIS_URL"], results=False, serializer=signer)
    else:
        app.config["DATA_DIR"].mkdir(parents=True, exist_ok=True)
        file = str(app.config["DATA_DIR"] / "queue.db")
        huey = SqliteHuey("storefront", filename=file, results=False, serializer=signer)
    app.extensions["huey"] = huey
    sender = WebhookSender(app)
    huey.on_shutdown()(sender.stop)

    def deliver() -> None:
        sender.wake()
        with _request_context(app):
            deliver_outboxes()
        sender.wake()  # for what the messages made

    def sweep_up() -> None:
        sender.wake()
        with _request_context(app):
            sweep()

    def tidy_up() -> None:
        with _request_context(app):
            cleanup()

    def import_stock(import_id: int) -> None:
        with _request_context(app):
            stock_handlers.apply_import(import_id)

    sweep_again = huey.task(name="sweep-again")(sweep_up)

    def sweep_for_a_minute() -> None:
        sweep_up()
        for delay in range(SWEEP_SECONDS, 60, SWEEP_SECONDS):
            sweep_again.schedule(delay=delay)

    app.extensions["wake_worker"] = huey.task(name="deliver")(deliver)
    app.extensions["import_stock"] = huey.task(name="import")(import_stock)
    app.extensions["sweep"] = huey.task(name="sweep-now")(sweep_for_a_minute)
    huey.periodic_task(crontab(minute="*"), name="sweep")(sweep_for_a_minute)
    huey.periodic_task(crontab(minute="7"), name="tidy")(tidy_up)  # hourly


def _request_context(app: Flask) -> RequestContext:
    """A request context whose absolute URLs, as in e-mails, have the public origin."""
    return app.test_request_context(base_url=app.config["PUBLIC_ORIGIN"])
