"""The mail server is down while orders are placed, and senders are killed: every e-mail is delivered once.

OUTAGE_SECONDS=600 bin/test -m long -s tests/proofs/test_mail_outage.py
"""

from __future__ import annotations

import asyncio
import os
import socket
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from email import message_from_bytes
from pathlib import Path
from statistics import median
from typing import Any
from urllib.parse import urlsplit

import pytest
from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP

from storefront.catalog.values import ProductCard
from tests.conftest import ENGINES
from tests.factories.catalog import make_product
from tests.live_server import ROOT, eventually
from tests.proofs.live_shop import LoadShop, Record, open_load_shop
from tests.proofs.load_clients import Answer, Visitor
from tests.run import free_port

pytestmark = pytest.mark.usefixtures("real_time")

# After 200 seconds the pause between retries has reached its maximum.
OUTAGE_SECONDS = float(os.environ.get("OUTAGE_SECONDS", "200"))

Orders = list[Answer]


@dataclass
class Mailbox:
    """The handler of a mail server, which can kill the sender while it waits for the answer.

    After every other kill the e-mail was accepted, although its sender could not record that.

    :ivar kill: kills the sender
    :ivar kill_at: numbers of the received e-mails at which it is killed
    :ivar received: number of e-mails received
    :ivar accepted: number of e-mails accepted, by Message-ID
    """

    kill: Callable[[], None] = lambda: None
    kill_at: set[int] = field(default_factory=set)
    received: int = 0
    kills: int = 0
    accepted: Counter[str] = field(default_factory=Counter)

    async def handle_DATA(self, server: Any, session: Any, envelope: Any) -> str:  # noqa: N802 - aiosmtpd's name
        self.received += 1
        message_id = str(message_from_bytes(envelope.content)["Message-ID"])
        if self.received in self.kill_at:
            self.kills += 1
            self.kill()
            if self.kills % 2:
                return "451 the sender was killed"
        self.accepted[message_id] += 1
        return "250 accepted"


class MailServer(Controller):
    """A mail server that closes all connections when it stops: a killed sender would leave its own open."""

    def factory(self) -> SMTP:
        connection: SMTP = super().factory()
        self.connections = [*getattr(self, "connections", []), connection]
        return connection

    def stop(self, no_assert: bool = False) -> None:
        asyncio.run_coroutine_threadsafe(self.close_connections(), self.loop).result(10)
        super().stop(no_assert)

    async def close_connections(self) -> None:
        """Stop accepting connections and close all of them.

        A connection that was just accepted is set up first: asyncio would lose it if the server were closed already.
        """
        if self.server is not None:
            for listener in self.server.sockets:
                self.loop.remove_reader(listener)
            for _ in range(5):  # iterations of the loop that setting up a connection takes at most
                await asyncio.sleep(0)
            self.server.close()
        for connection in getattr(self, "connections", []):
            if connection.transport is not None:
                connection.transport.abort()
        await asyncio.sleep(0)  # a connection is closed in the next iteration of the loop


@contextmanager
def run_mail_server(port: int, mailbox: Mailbox) -> Iterator[Mailbox]:
    server = MailServer(mailbox, hostname="127.0.0.1", port=port)
    server.start()
    try:
        yield mailbox
    finally:
        server.stop()


def place_orders(load_shop: LoadShop, mug: ProductCard, count: int) -> Orders:
    """Place orders through the pages, one after another."""
    host = urlsplit(load_shop.live.origin).netloc
    answers = []
    for press in [load_shop.shopper((mug, 1)) for _ in range(count)]:
        tab = Visitor(host, press.cookie)
        answers.append(tab.press(*tab.prepare(press)))
    assert all(answer.has_order for answer in answers)
    return answers


def place_alternately(
    load_shop: LoadShop, mug: ProductCard, port: int, mailbox: Mailbox, pairs: int
) -> tuple[Orders, Orders]:
    """Place orders alternately with and without a mail server, so that other load affects both alike.

    :return: those with and those without
    """
    with_server, without_server = [], []
    for _ in range(pairs):
        with run_mail_server(port, mailbox):
            with_server += place_orders(load_shop, mug, 1)
        without_server += place_orders(load_shop, mug, 1)
    return with_server, without_server


def compare(with_server: Orders, without_server: Orders) -> str:
    return (
        f"median of {len(without_server)} orders: {seconds_of(without_server):.3f} s without a mail server, "
        f"{seconds_of(with_server):.3f} s with one"
    )


def message_ids_of(answers: Orders) -> set[str]:
    return {f"<order-placed-{urlsplit(answer.path).path.removeprefix('/orders/')}@127.0.0.1>" for answer in answers}


def seconds_of(answers: Orders) -> float:
    return median(answer.seconds for answer in answers)


@pytest.fixture(params=ENGINES)
def engine(request: pytest.FixtureRequest) -> str:
    name: str = request.param
    return name


def test_orders_without_a_mail_server_are_as_fast_and_every_email_is_delivered_once(
    engine: str, tmp_path: Path, record_property: Record
) -> None:
    port = free_port()
    with (
        open_load_shop(engine, tmp_path, MAIL_URL=f"smtp://127.0.0.1:{port}") as load_shop,
        load_shop.app.app_context(),
    ):
        mug = make_product(stock=100)
        mailbox = Mailbox()
        with_server, without_server = place_alternately(load_shop, mug, port, mailbox, 10)
        load_shop.live.worker.kill()
        with run_mail_server(port, mailbox):
            mailbox.kill_at = {mailbox.received + 2, mailbox.received + 4}
            for minutes in (3, 6, 9):  # each longer than a lease and the longest pause between retries
                deliver_once(load_shop, mailbox, minutes)
        figures = compare(with_server, without_server)
        record_property("figures", figures)
        print(figures)
        assert seconds_of(without_server) < 2 * seconds_of(with_server) + 0.2
        assert mailbox.kills == 2
        assert set(mailbox.accepted) == message_ids_of(without_server + with_server)
        assert mailbox.accepted.total() <= len(mailbox.accepted) + mailbox.kills
        assert load_shop.is_delivered()


def deliver_once(load_shop: LoadShop, mailbox: Mailbox, minutes: int) -> None:
    command = [sys.executable, "-m", "tests.proofs.outbox_worker", str(minutes)]
    sender = subprocess.Popen(command, cwd=ROOT, env=load_shop.live.environment)
    mailbox.kill = sender.kill
    sender.wait(60)


def test_a_connection_accepted_while_the_mail_server_stops_is_closed() -> None:
    port, is_blocked, may_continue = free_port(), threading.Event(), threading.Event()
    server = MailServer(Mailbox(), hostname="127.0.0.1", port=port)
    server.start()

    def block() -> None:
        is_blocked.set()
        may_continue.wait(10)

    server.loop.call_soon_threadsafe(block)
    assert is_blocked.wait(10)
    with socket.create_connection(("127.0.0.1", port), 10) as client:
        closing = asyncio.run_coroutine_threadsafe(server.close_connections(), server.loop)
        may_continue.set()  # the connection is accepted and the server closed in one iteration of the loop
        closing.result(10)
        with suppress(ConnectionResetError):
            while client.recv(1000):
                pass
    server.stop()


@pytest.mark.long
def test_two_hundred_emails_survive_a_mail_server_outage_and_a_worker_killed_ten_times(
    engine: str, tmp_path: Path, record_property: Record
) -> None:
    port = free_port()
    with (
        open_load_shop(engine, tmp_path, MAIL_URL=f"smtp://127.0.0.1:{port}") as load_shop,
        load_shop.app.app_context(),
    ):
        mug = make_product(stock=300)
        began = time.monotonic()
        during_outage = place_orders(load_shop, mug, 200)
        time.sleep(max(0.0, OUTAGE_SECONDS - (time.monotonic() - began)))
        mailbox = Mailbox(kill_at={number * 17 for number in range(1, 11)})
        mailbox.kill = lambda: kill_worker(load_shop)
        with run_mail_server(port, mailbox):
            restored_at = time.monotonic()
            expected = message_ids_of(during_outage)
            while set(mailbox.accepted) < expected:
                restart_worker(load_shop)
                assert time.monotonic() - restored_at < 300, f"{len(mailbox.accepted)} e-mails after five minutes"
                time.sleep(0.2)
            delivered = time.monotonic() - restored_at
        with_server, without_server = place_alternately(load_shop, mug, port, mailbox, 25)
        with run_mail_server(port, mailbox):
            expected |= message_ids_of(with_server + without_server)
            eventually(lambda: set(mailbox.accepted) == expected, "all e-mails to be delivered", within=150)
        figures = (
            f"200 e-mails delivered {delivered:.0f} s after the outage, {mailbox.kills} kills, "
            f"{mailbox.accepted.total() - len(mailbox.accepted)} repeated; "
            f"{compare(with_server, without_server)}"
        )
        record_property("figures", figures)
        print(figures)
        assert mailbox.kills == 10
        assert mailbox.accepted.total() <= len(mailbox.accepted) + mailbox.kills
        assert seconds_of(without_server) < seconds_of(with_server) + 0.05
        load_shop.settle()


def kill_worker(load_shop: LoadShop) -> None:
    """Kill the worker with SIGKILL; `restart_worker` reaps it."""
    if load_shop.live.worker.process is not None:
        load_shop.live.worker.process.kill()


def restart_worker(load_shop: LoadShop) -> None:
    """Restart the worker if it has ended, as bin/shop does."""
    process = load_shop.live.worker.process
    if process is not None and process.poll() is not None:
        load_shop.live.worker.kill()
        load_shop.live.worker.start()
