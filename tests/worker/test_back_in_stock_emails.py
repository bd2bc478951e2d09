"""Back-in-stock e-mails, from the restock to the delivery."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
import sqlalchemy as sa
from flask import Flask

from storefront.accounts import back_in_stock
from storefront.accounts import service as accounts
from storefront.accounts.models import StockNotice
from storefront.catalog import inventory, products
from storefront.catalog.values import Hold, ProductCard, Sku
from storefront.db import outbox
from storefront.db.session import read_session
from storefront.worker import tasks
from tests.factories.catalog import make_product
from tests.factories.stock import receive
from tests.fakes import Clock, MemoryPost

ASHA, RAVI = "asha@example.com", "ravi@example.com"


@pytest.fixture(autouse=True)
def _at_work(app: Flask) -> Iterator[None]:
    """As the worker works: letters name the configured origin."""
    with app.test_request_context(base_url="https://shop.example"):
        yield


@pytest.fixture
def mug() -> ProductCard:
    """Sold out, and two wait for it."""
    mug = make_product(name="Clay Mug", price=500, stock=0)
    for email in (ASHA, RAVI):
        accounts.request_alert(email, mug.sku, mug.id)
    return mug


def sold_out(mug: ProductCard, checkout: str = "quick") -> None:
    inventory.reserve(checkout, [Hold(mug.sku, products.get_offer(mug.sku).available)])


def waiting() -> list[str]:
    read_session().rollback()
    untold = sa.select(StockNotice.email).where(StockNotice.told_at.is_(None)).order_by(StockNotice.email)
    return list(read_session().scalars(untold))


def test_a_restock_sends_one_email_per_alert(mug: ProductCard, post: MemoryPost) -> None:
    receive(mug.sku, 1)
    for _ in range(3):
        tasks.deliver_outboxes()
    assert sorted((email.to, email.subject) for email in post.letters) == [
        (ASHA, "Clay Mug is back"),
        (RAVI, "Clay Mug is back"),
    ]
    email = post.letters[0]
    assert "₹500, only 1 left" in email.text
    for text in (email.text, email.html):
        assert f"https://shop.example/product/{mug.id}-clay-mug" in text
        assert email.unsubscribe_url in text
    assert email.headers["List-Unsubscribe"] == f"<{email.unsubscribe_url}>"


def test_the_next_restock_is_sent_only_to_those_who_asked_again(mug: ProductCard, post: MemoryPost) -> None:
    receive(mug.sku, 1)
    tasks.deliver_outboxes()
    sold_out(mug)
    accounts.request_alert(RAVI, mug.sku, mug.id)
    inventory.release("quick")
    tasks.deliver_outboxes()
    assert [email.to for email in post.letters].count(ASHA) == 1
    assert [email.to for email in post.letters].count(RAVI) == 2
    assert len({email.id for email in post.letters}) == 3


def test_a_product_sold_out_again_before_delivery_sends_nothing(mug: ProductCard, post: MemoryPost) -> None:
    receive(mug.sku, 1)
    sold_out(mug)
    tasks.deliver_outboxes()
    assert (post.letters, waiting()) == ([], [ASHA, RAVI])
    inventory.release("quick")
    tasks.deliver_outboxes()
    assert (len(post.letters), waiting()) == (2, [])


def test_an_alert_is_rearmed_if_the_product_is_sold_out_when_sent(
    mug: ProductCard, post: MemoryPost, now: Clock
) -> None:
    receive(mug.sku, 1)
    post.is_down = True
    tasks.deliver_outboxes()
    sold_out(mug)
    post.is_down = False
    now.advance(minutes=5)
    tasks.deliver_outboxes()
    assert (post.letters, waiting()) == ([], [ASHA, RAVI])
    inventory.release("quick")
    tasks.deliver_outboxes()
    assert sorted(email.to for email in post.letters) == [ASHA, RAVI]


def test_an_unreachable_mail_server_delays_emails_and_duplicates_none(
    mug: ProductCard, post: MemoryPost, now: Clock
) -> None:
    receive(mug.sku, 1)
    post.is_down = True
    for _ in range(3):
        tasks.deliver_outboxes()
        now.advance(minutes=5)
    post.is_down = False
    for _ in range(2):
        tasks.deliver_outboxes()
    assert sorted(email.to for email in post.letters) == [ASHA, RAVI]


@pytest.mark.parametrize("deaths", [1, 2, 3])
def test_a_worker_that_dies_loses_and_duplicates_no_email(
    mug: ProductCard, post: MemoryPost, now: Clock, monkeypatch: pytest.MonkeyPatch, deaths: int
) -> None:
    monkeypatch.setattr(back_in_stock, "BATCH_SIZE", 1)  # each notice is a transaction of its own, with a death between
    left = deaths
    tell = accounts.enqueue_alerts

    def dying(sku: str, occasion: str) -> int:
        nonlocal left
        told = tell(sku, occasion)
        left -= 1
        if left >= 0:
            raise KeyboardInterrupt
        return told

    monkeypatch.setattr(accounts, "enqueue_alerts", dying)
    receive(mug.sku, 1)
    for _ in range(deaths + 1):
        try:
            tasks.deliver_outboxes()
        except KeyboardInterrupt:
            now.advance(minutes=5)
    assert sorted(email.to for email in post.letters) == [ASHA, RAVI]


def test_no_email_is_sent_after_unsubscribing(mug: ProductCard, post: MemoryPost) -> None:
    receive(mug.sku, 1)
    outbox.deliver("catalog", outbox.outboxes()["catalog"], tasks.SUBSCRIPTIONS)
    token = read_session().scalars(sa.select(StockNotice.token).where(StockNotice.email == ASHA)).one()
    accounts.unsubscribe(token)
    tasks.deliver_outboxes()
    assert [email.to for email in post.letters] == [RAVI]


def test_only_alerts_for_the_restocked_variant_are_sent(post: MemoryPost) -> None:
    pot = make_product(name="Pot", options=(("Blue", 0), ("Green", 0)))
    blue, green = Sku(f"{pot.sku}-Blue"), Sku(f"{pot.sku}-Green")
    accounts.request_alert(ASHA, blue, pot.id)
    accounts.request_alert(RAVI, green, pot.id)
    receive(green, 1)
    tasks.deliver_outboxes()
    assert [(email.to, email.subject) for email in post.letters] == [(RAVI, "Pot, Green is back")]
    assert f"sku={green}" in post.letters[0].text
