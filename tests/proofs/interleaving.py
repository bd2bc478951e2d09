"""Deterministic interleavings: a rival acts exactly between two lines of our code.

The rival has sessions, connections and transactions of its own, but runs in the same thread, so that nothing depends on
timing. If our open transaction holds a lock that the rival needs, the rival fails immediately instead of waiting.
"""

from __future__ import annotations

import contextvars
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import event

from storefront.catalog import inventory
from storefront.catalog.values import ProductCard
from storefront.checkout import service as checkout
from storefront.checkout.values import CheckoutDraft, Outcome
from storefront.cli.consistency import violations
from storefront.core.errors import DomainError
from storefront.db.session import db
from storefront.orders.values import OrderStatus
from storefront.worker import tasks
from tests import consistency, demo_shop
from tests.conftest import make_databases
from tests.factories.shopping import make_cart, make_draft, place
from tests.factories.stock import receive
from tests.fakes import Clock, MemoryPost
from tests.isolated_shop import shop_at

Action = Callable[[], Any]
MOMENTS = ["before", "after"]


@dataclass(frozen=True)
class RivalShops:
    """Two applications on the same databases: `ours` is the test's, `theirs` the rival's."""

    ours: Flask
    theirs: Flask
    post: MemoryPost

    def rival(self, action: Action) -> Any:
        """Run an action in the rival's application.

        :return: what it returned or raised
        """
        return contextvars.Context().run(self._do, action)

    def _do(self, action: Action) -> Any:
        with self.theirs.test_request_context(base_url=self.theirs.config["PUBLIC_ORIGIN"]):
            try:
                return action()
            except Exception as error:  # noqa: BLE001 - the test checks it
                return error

    def settle(self, now: Clock) -> None:
        """Do the worker's tasks of the next minutes, until nothing is left to do."""
        for _ in range(3):
            now.advance(minutes=2)
            checkout.resume_unfinished()
            inventory.release_expired()
            tasks.deliver_outboxes()

    def assert_consistent(self) -> None:
        """Assert that the `doctor` command finds no violation."""
        db.session.rollback()
        assert list(violations()) == []


@contextmanager
def rival_shops(engine: str, folder: Path) -> Iterator[RivalShops]:
    """Open the demo shop twice on databases of its own."""
    for url in make_databases(engine, folder):
        with shop_at(url, folder) as ours, shop_at(url, folder) as theirs:
            with ours.app_context():
                demo_shop.fill()
            _disable_lock_waits(theirs)
            post = MemoryPost()
            ours.extensions["mailer"] = theirs.extensions["mailer"] = post
            yield RivalShops(ours, theirs, post)


def _disable_lock_waits(app: Flask) -> None:
    """Let statements that meet a lock fail immediately."""
    with app.app_context():
        for engine in db.engines.values():
            waiting = (
                "PRAGMA busy_timeout = 0" if engine.dialect.name == "sqlite" else "SET innodb_lock_wait_timeout = 0"
            )

            @event.listens_for(engine, "connect")
            def configure(connection: Any, record: Any, waiting: str = waiting) -> None:
                cursor = connection.cursor()
                cursor.execute(waiting)
                cursor.close()


def run_before(patch: pytest.MonkeyPatch, where: ModuleType, name: str, action: Action) -> list[Any]:
    """Run an action right before the next call of a function.

    :return: list that receives the action's result
    """
    return _run(patch, where, name, action, before=True)


def run_after(patch: pytest.MonkeyPatch, where: ModuleType, name: str, action: Action) -> list[Any]:
    """Run an action right after the next call of a function, before its caller continues.

    :return: list that receives the action's result
    """
    return _run(patch, where, name, action, before=False)


def _run(patch: pytest.MonkeyPatch, where: ModuleType, name: str, action: Action, *, before: bool) -> list[Any]:
    real = getattr(where, name)
    outcomes: list[Any] = []
    is_due = True

    def run(*args: Any, **kwargs: Any) -> Any:
        nonlocal is_due
        is_first, is_due = is_due, False  # the rival may call the function, too
        if is_first and before:
            outcomes.append(action())
        result = real(*args, **kwargs)
        if is_first and not before:
            outcomes.append(action())
        return result

    patch.setattr(where, name, run)
    return outcomes


@contextmanager
def at_commit(number: int, action: Action, *, before: bool) -> Iterator[list[Any]]:
    """Run an action right before or after our commit of this number.

    :return: list that receives the action's result; empty if there were fewer commits
    """
    outcomes: list[Any] = []
    count = 0
    is_acting = False

    def listen(session: Any) -> None:
        nonlocal count, is_acting
        if is_acting:  # a commit of the rival
            return
        count += 1
        if count == number:
            is_acting = True
            outcomes.append(action())
            is_acting = False

    moment = "before_commit" if before else "after_commit"
    event.listen(db.session, moment, listen)
    try:
        yield outcomes
    finally:
        event.remove(db.session, moment, listen)


def attempt(action: Action) -> object:
    """Run an action of ours.

    :return: what it returned, or the domain error that it raised
    """
    try:
        return action()
    except DomainError as error:
        return error


def adjust_stock(mug: ProductCard, units: int) -> None:
    """Let staff correct the stock of a product.

    :param units: change, negative for fewer
    """
    receive(mug.sku, units)


@dataclass(frozen=True)
class Buyer:
    """A customer with a product in the cart and a completed checkout form."""

    token: str
    draft: CheckoutDraft

    @property
    def id(self) -> str:
        return self.draft.id

    def place(self) -> Outcome:
        return place(self.draft, self.token)

    def live_orders(self) -> int:
        return len([status for status in consistency.orders_of(self.id) if status is not OrderStatus.CANCELLED])


def make_buyer(mug: ProductCard, units: int = 1, *, payment: str = "sandbox-success") -> Buyer:
    token = make_cart((mug, units))
    return Buyer(token, make_draft(token, payment=payment))
