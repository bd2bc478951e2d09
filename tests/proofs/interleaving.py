"""A rival who acts exactly between two lines of ours: with sessions, connections and transactions of their own, in
the same thread, so that there is neither luck nor waiting in it.

What our open transaction keeps locked refuses the rival at once instead of making them wait: also an answer.
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

from storefront.catalog import service as catalog
from storefront.catalog.service import ProductCard
from storefront.checkout import service as checkout
from storefront.checkout.service import CheckoutDraft, Outcome
from storefront.cli.consistency import violations
from storefront.core.errors import DomainError
from storefront.db.session import db
from storefront.orders.service import OrderStatus
from storefront.worker import tasks
from tests import consistency, demo_shop
from tests.conftest import make_databases
from tests.factories.shopping import make_cart, make_draft, place
from tests.factories.stock import receive
from tests.fakes import Clock, MemoryPost
from tests.isolated_shop import shop_at

Deed = Callable[[], Any]
MOMENTS = ["before", "after"]


@dataclass(frozen=True)
class Arena:
    """One set of databases and two who use them: `ours` is the test's own shop, `theirs` the rival's."""

    ours: Flask
    theirs: Flask
    post: MemoryPost

    def rival(self, deed: Deed) -> Any:
        """Let the rival do something now.

        :return: what it returned or raised
        """
        return contextvars.Context().run(self._do, deed)

    def _do(self, deed: Deed) -> Any:
        with self.theirs.test_request_context(base_url=self.theirs.config["PUBLIC_ORIGIN"]):
            try:
                return deed()
            except Exception as error:  # noqa: BLE001 - the test looks at it
                return error

    def settle(self, now: Clock) -> None:
        """What the worker does in the next minutes, until nothing is left to do."""
        for _ in range(3):
            now.advance(minutes=2)
            checkout.resume_unfinished()
            catalog.release_expired()
            tasks.deliver_outboxes()

    def assert_sound(self) -> None:
        db.session.rollback()
        assert list(violations()) == []


@contextmanager
def arena(engine: str, folder: Path) -> Iterator[Arena]:
    """The demo shop, opened twice over databases that nobody else uses."""
    for url in make_databases(engine, folder):
        with shop_at(url, folder) as ours, shop_at(url, folder) as theirs:
            with ours.app_context():
                demo_shop.fill()
            _refuse_to_wait(theirs)
            post = MemoryPost()
            ours.extensions["mailer"] = theirs.extensions["mailer"] = post
            yield Arena(ours, theirs, post)


def _refuse_to_wait(app: Flask) -> None:
    """What another holds is refused to these connections at once."""
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


def run_before(patch: pytest.MonkeyPatch, where: ModuleType, name: str, act: Deed) -> list[Any]:
    """Act right before the next call of a function.

    :return: what came of it, once it happened
    """
    return _run(patch, where, name, act, before=True)


def run_after(patch: pytest.MonkeyPatch, where: ModuleType, name: str, act: Deed) -> list[Any]:
    """Act right after the next call of a function, before its caller goes on."""
    return _run(patch, where, name, act, before=False)


def _run(patch: pytest.MonkeyPatch, where: ModuleType, name: str, act: Deed, *, before: bool) -> list[Any]:
    real = getattr(where, name)
    came_of_it: list[Any] = []
    is_due = True

    def run(*args: Any, **kwargs: Any) -> Any:
        nonlocal is_due
        is_first, is_due = is_due, False  # the rival may call it too
        if is_first and before:
            came_of_it.append(act())
        result = real(*args, **kwargs)
        if is_first and not before:
            came_of_it.append(act())
        return result

    patch.setattr(where, name, run)
    return came_of_it


@contextmanager
def at_commit(number: int, act: Deed, *, before: bool) -> Iterator[list[Any]]:
    """Act right before or right after our commit of this number, whatever it writes.

    :return: what came of it; nothing when there were fewer commits
    """
    came_of_it: list[Any] = []
    count = 0
    is_acting = False

    def listen(session: Any) -> None:
        nonlocal count, is_acting
        if is_acting:  # the rival's own
            return
        count += 1
        if count == number:
            is_acting = True
            came_of_it.append(act())
            is_acting = False

    moment = "before_commit" if before else "after_commit"
    event.listen(db.session, moment, listen)
    try:
        yield came_of_it
    finally:
        event.remove(db.session, moment, listen)


def attempt(deed: Deed) -> object:
    """:return: what a deed of ours returned, or its refusal"""
    try:
        return deed()
    except DomainError as refusal:
        return refusal


def recount(mug: ProductCard, units: int) -> None:
    """Staff count the mugs.

    :param units: more, or fewer, than were thought
    """
    receive(mug.sku, units)


@dataclass(frozen=True)
class Buyer:
    """Somebody with a mug in the cart and a checkout filled in."""

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
