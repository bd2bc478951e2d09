"""The worker's jobs, and how it is woken."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from huey import Huey, RedisHuey
from sqlalchemy import func, select

from storefront import create_app
from storefront.accounts import service as accounts
from storefront.accounts.models import OneTimeCode, SignUp, UserSession
from storefront.catalog import inventory
from storefront.catalog.values import Hold
from storefront.checkout import service as checkout
from storefront.checkout.models import DuplicateGuard
from storefront.checkout.values import CheckoutState
from storefront.db import outbox
from storefront.db.session import db, read_session, transaction
from storefront.orders import service as orders
from storefront.orders.values import OrderStatus
from storefront.worker import tasks
from tests import consistency
from tests.conftest import NOON, make_config
from tests.consistency import Stock
from tests.factories.accounts import make_account
from tests.factories.catalog import make_product
from tests.factories.shopping import buy, make_cart, make_draft, make_order, place
from tests.fakes import Clock, MemoryPost
from tests.isolated_shop import own_shop
from tests.page_client import Pages
from tests.run import free_port


@pytest.fixture
def at_work(app: Flask) -> Iterator[None]:
    """As the worker works: letters name the configured origin."""
    with app.test_request_context(base_url="https://shop.example"):
        yield


def test_expired_data_is_deleted(app: Flask, now: Clock) -> None:
    pending = accounts.start_sign_up("asha@example.com")
    accounts.send_sign_up_code(pending.id, pending.email)
    reference = accounts.open_session(make_account().id)
    with transaction("checkout") as session:
        session.add(DuplicateGuard(key="a double click", checkout_id="of long ago", at=now.read()))
    now.advance(days=31)
    tasks.cleanup()
    db.session.rollback()
    for table in (OneTimeCode, SignUp, UserSession, DuplicateGuard):
        assert read_session().scalar(select(func.count()).select_from(table)) == 0
    assert accounts.find_session(reference) is None


# ----------------------------------------------------------------------------------------------- letters


@pytest.mark.usefixtures("at_work")
def test_an_order_is_confirmed_by_one_email(post: MemoryPost) -> None:
    order = make_order((make_product(name="Clay Mug"), 2), email="ravi@example.com")
    for _ in range(3):
        tasks.deliver_outboxes()
    (email,) = post.letters
    assert (email.to, email.subject) == ("ravi@example.com", f"Your order {order.id}")
    assert f"https://shop.example/orders/{order.id}" in email.text
    assert "https://shop.example/track" in email.html


@pytest.mark.usefixtures("at_work")
def test_emails_are_sent_once_when_the_mail_server_is_back(post: MemoryPost, now: Clock) -> None:
    post.is_down = True
    numbers = [make_order().id for _ in range(3)]
    assert tasks.deliver_outboxes() == 0
    post.is_down = False
    now.advance(minutes=4)
    for _ in range(2):
        tasks.sweep()
    assert sorted(email.subject for email in post.letters) == sorted(f"Your order {number}" for number in numbers)
    assert len({email.id for email in post.letters}) == 3


@pytest.mark.usefixtures("at_work")
def test_a_cancelled_order_is_restocked_and_refunded_with_one_email(post: MemoryPost, now: Clock) -> None:
    mug = make_product(stock=5)
    token = make_cart((mug, 2))
    draft = make_draft(token, payment="sandbox-success")
    order_id = place(draft, token).order_id
    assert order_id is not None
    orders.cancel(order_id, by="you")
    for _ in range(3):
        tasks.deliver_outboxes()
        now.advance(minutes=5)
    assert consistency.stock_of(mug.sku) == Stock(on_hand=5, reserved=0)
    assert consistency.charges_of(draft.id) == consistency.payments_of(draft.id) == [consistency.PaymentStatus.REFUNDED]
    subjects = [email.subject for email in post.letters]
    assert subjects == [f"Your order {order_id}", f"Your order {order_id} is cancelled"]


@pytest.mark.usefixtures("at_work")
def test_restock_and_refund_do_not_wait_for_the_email(post: MemoryPost) -> None:
    mug = make_product(stock=5)
    order = make_order((mug, 2))
    orders.cancel(order.id, by="you")
    post.is_down = True
    assert tasks.deliver_outboxes() == 2
    assert consistency.stock_of(mug.sku) == Stock(on_hand=5, reserved=0)


# ------------------------------------------------------------------------------------------------- sweep


def interrupt_everything(now: Clock) -> tuple[str, str]:
    """A checkout whose runner died, a hold that ran out, a email.

    :return: the checkout, the SKU held
    """
    stalled = make_cart((make_product(), 1))
    draft = make_draft(stalled, payment="sandbox-timeout")
    place(draft, stalled)
    held = make_product(stock=5)
    inventory.reserve("long-gone", [Hold(held.sku, 2)])
    now.advance(minutes=16)
    make_order()
    return draft.id, held.sku


@pytest.mark.usefixtures("at_work")
def test_the_sweep_does_all_interrupted_work(post: MemoryPost, now: Clock) -> None:
    stalled, held = interrupt_everything(now)
    tasks.sweep()
    assert consistency.state_of(stalled) == CheckoutState.FAILED
    assert consistency.stock_of(held).reserved == 0
    assert len(post.letters) == 1


@pytest.mark.usefixtures("at_work")
@pytest.mark.parametrize("broken", ["resume_unfinished", "release_expired", "deliver"])
def test_one_job_that_fails_does_not_stop_the_others(
    post: MemoryPost, now: Clock, monkeypatch: pytest.MonkeyPatch, broken: str
) -> None:
    stalled, held = interrupt_everything(now)
    owner = {"resume_unfinished": checkout, "release_expired": inventory, "deliver": outbox}[broken]

    def fails(*args: object) -> None:
        raise OSError("disk full")

    fails.__name__ = broken
    monkeypatch.setattr(owner, broken, fails)
    tasks.sweep()
    done = {
        "resume_unfinished": consistency.state_of(stalled) == CheckoutState.FAILED,
        "release_expired": consistency.stock_of(held).reserved == 0,
        "deliver": len(post.letters) == 1,
    }
    assert done == {job: job != broken for job in done}


@pytest.mark.usefixtures("at_work")
def test_an_unavailable_outbox_does_not_block_the_next(post: MemoryPost, monkeypatch: pytest.MonkeyPatch) -> None:
    deliver = outbox.deliver

    def is_away_for_payments(schema: str, *rest: Any, **options: Any) -> int:
        if schema == "payments":
            raise OSError("disk full")
        return deliver(schema, *rest, **options)

    make_order()
    monkeypatch.setattr(outbox, "deliver", is_away_for_payments)
    assert tasks.deliver_outboxes() == 1
    assert len(post.letters) == 1


# ------------------------------------------------------------------------------------------------- queue


def huey_of(app: Flask) -> Huey:
    huey: Huey = app.extensions["huey"]
    return huey


def run_tasks(huey: Huey) -> list[str]:
    """What a consumer does, until nothing is waiting.

    :return: names of the tasks done
    """
    done = []
    while (task := huey.dequeue()) is not None:
        huey.execute(task, NOON)
        done.append(task.name)
    return done


@pytest.fixture(params=["sqlite", "redis"])
def queue(request: pytest.FixtureRequest) -> str:
    """The address of the queue; empty for the file in the data folder."""
    if request.param == "sqlite":
        return ""
    if "TEST_REDIS_URL" not in os.environ:
        pytest.skip(os.environ.get("TEST_MISSING_REDIS", "no Redis: start with bin/test"))
    return os.environ["TEST_REDIS_URL"]


def test_an_order_wakes_the_worker_which_sends_the_email(queue: str, tmp_path: Path) -> None:
    with own_shop("sqlite", tmp_path):
        config = make_config(tmp_path, f"sqlite:///{tmp_path}/{{schema}}.db")
        config.REDIS_URL = queue
        app = create_app(config)
        app.extensions["mailer"] = post = MemoryPost()
        huey_of(app).flush()
        with app.app_context():
            order = make_order()
            assert post.letters == []
            assert set(run_tasks(huey_of(app))) == {"deliver"}
    assert [email.subject for email in post.letters] == [f"Your order {order.id}"]
    assert f"http://localhost:9090/orders/{order.id}" in post.letters[0].text


def test_the_sweep_is_due_every_minute(app: Flask) -> None:
    assert [task.name for task in huey_of(app).read_periodic(NOON)] == ["sweep"]


@pytest.mark.usefixtures("at_work")
def test_an_unreachable_queue_fails_no_order_and_loses_no_email(
    app: Flask, post: MemoryPost, monkeypatch: pytest.MonkeyPatch
) -> None:
    unreachable = RedisHuey("storefront", url=f"redis://127.0.0.1:{free_port()}/0", results=False)
    monkeypatch.setitem(app.extensions, "wake_worker", unreachable.task(name="deliver")(lambda: None))
    order = make_order()
    assert order.status is OrderStatus.CONFIRMED
    tasks.sweep()
    assert len(post.letters) == 1


def test_an_unreachable_queue_does_not_affect_the_checkout(
    pages: Pages, app: Flask, monkeypatch: pytest.MonkeyPatch
) -> None:
    def unreachable() -> None:
        raise ConnectionRefusedError("no queue here")

    monkeypatch.setitem(app.extensions, "wake_worker", unreachable)
    assert buy(pages, make_product()).one("h1").get_text() == "Thank you, your order is placed"
