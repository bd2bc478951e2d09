"""Bar B9: the mail server is away while orders are placed, and its senders are killed: every letter comes, once.

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

from storefront.catalog.service import ProductCard
from tests.conftest import ENGINES
from tests.factories.catalog import make_product
from tests.live_server import ROOT, eventually
from tests.proofs.live_shop import Hall, Record, open_hall
from tests.proofs.load_clients import Answer, Visitor
from tests.run import free_port

pytestmark = pytest.mark.usefixtures("real_time")

# From 200 seconds on every pause between two tries is the longest there is.
OUTAGE_SECONDS = float(os.environ.get("OUTAGE_SECONDS", "200"))

Orders = list[Answer]


@dataclass
class Mailbox:
    """A mail server. :ivar kill: ends a sender; done while it waits for our answer to the letters of `kill_at`

    Of those, every other letter was kept: its sender died before it could note that.
    """

    kill: Callable[[], None] = lambda: None
    kill_at: set[int] = field(default_factory=set)
    heard: int = 0
    kills: int = 0
    kept: Counter[str] = field(default_factory=Counter)

    async def handle_DATA(self, server: Any, session: Any, envelope: Any) -> str:  # noqa: N802 - aiosmtpd's name
        self.heard += 1
        identity = str(message_from_bytes(envelope.content)["Message-ID"])
        if self.heard in self.kill_at:
            self.kills += 1
            self.kill()
            if self.kills % 2:
                return "451 the sender is gone"
        self.kept[identity] += 1
        return "250 kept"


class PostOffice(Controller):
    """Hangs up when it closes: a sender that was killed said no goodbye, and its line would be left open."""

    def factory(self) -> SMTP:
        conversation: SMTP = super().factory()
        self.conversations = [*getattr(self, "conversations", []), conversation]
        return conversation

    def stop(self, no_assert: bool = False) -> None:
        asyncio.run_coroutine_threadsafe(self.hang_up(), self.loop).result(10)
        super().stop(no_assert)

    async def hang_up(self) -> None:
        """Let nobody in any more, and close every line.

        Whoever was let in a moment ago gets a line first: of a server that is closed already, asyncio would lose it.
        """
        if self.server is not None:
            for door in self.server.sockets:
                self.loop.remove_reader(door)
            for _ in range(5):  # turns of the loop that a line takes at most
                await asyncio.sleep(0)
            self.server.close()
        for conversation in getattr(self, "conversations", []):
            if conversation.transport is not None:
                conversation.transport.abort()
        await asyncio.sleep(0)  # a line is closed at the loop's next turn


@contextmanager
def open_post(port: int, mailbox: Mailbox) -> Iterator[Mailbox]:
    office = PostOffice(mailbox, hostname="127.0.0.1", port=port)
    office.start()
    try:
        yield mailbox
    finally:
        office.stop()


def place_orders(hall: Hall, mug: ProductCard, count: int) -> Orders:
    """One after another, each through the page.

    :return: what each led to
    """
    host = urlsplit(hall.live.origin).netloc
    answers = []
    for press in [hall.shopper((mug, 1)) for _ in range(count)]:
        tab = Visitor(host, press.cookie)
        answers.append(tab.press(*tab.prepare(press)))
    assert all(answer.has_order for answer in answers)
    return answers


def place_by_turns(hall: Hall, mug: ProductCard, port: int, mailbox: Mailbox, pairs: int) -> tuple[Orders, Orders]:
    """Orders with the mail server there and away by turns, so that whatever else slows the machine slows both."""
    there, away = [], []
    for _ in range(pairs):
        with open_post(port, mailbox):
            there += place_orders(hall, mug, 1)
        away += place_orders(hall, mug, 1)
    return there, away


def compare(there: Orders, away: Orders) -> str:
    return (
        f"median of {len(away)} orders by turns: {seconds_of(away):.3f} s without a mail server, "
        f"{seconds_of(there):.3f} s with"
    )


def letters_of(answers: Orders) -> set[str]:
    return {f"<order-placed-{urlsplit(answer.path).path.removeprefix('/orders/')}@127.0.0.1>" for answer in answers}


def seconds_of(answers: Orders) -> float:
    return median(answer.seconds for answer in answers)


@pytest.fixture(params=ENGINES)
def engine(request: pytest.FixtureRequest) -> str:
    name: str = request.param
    return name


def test_orders_placed_without_a_mail_server_are_as_quick_and_every_letter_comes_once(
    engine: str, tmp_path: Path, record_property: Record
) -> None:
    port = free_port()
    with open_hall(engine, tmp_path, MAIL_URL=f"smtp://127.0.0.1:{port}") as hall, hall.app.app_context():
        mug = make_product(stock=100)
        mailbox = Mailbox()
        there, away = place_by_turns(hall, mug, port, mailbox, 10)
        hall.live.worker.kill()
        with open_post(port, mailbox):
            mailbox.kill_at = {mailbox.heard + 2, mailbox.heard + 4}
            for minutes in (3, 6, 9):  # each longer than a lease and than the slowest retry
                send(hall, mailbox, minutes)
        figures = compare(there, away)
        record_property("figures", figures)
        print(figures)
        assert seconds_of(away) < 2 * seconds_of(there) + 0.2
        assert mailbox.kills == 2
        assert set(mailbox.kept) == letters_of(away + there)
        assert mailbox.kept.total() <= len(mailbox.kept) + mailbox.kills
        assert hall.is_delivered()


def send(hall: Hall, mailbox: Mailbox, minutes: int) -> None:
    command = [sys.executable, "-m", "tests.proofs.outbox_worker", str(minutes)]
    sender = subprocess.Popen(command, cwd=ROOT, env=hall.live.environment)
    mailbox.kill = sender.kill
    sender.wait(60)


def test_a_line_taken_at_the_moment_of_closing_is_hung_up() -> None:
    port, is_busy, may_go_on = free_port(), threading.Event(), threading.Event()
    office = PostOffice(Mailbox(), hostname="127.0.0.1", port=port)
    office.start()

    def be_busy() -> None:
        is_busy.set()
        may_go_on.wait(10)

    office.loop.call_soon_threadsafe(be_busy)
    assert is_busy.wait(10)
    with socket.create_connection(("127.0.0.1", port), 10) as caller:
        hung_up = asyncio.run_coroutine_threadsafe(office.hang_up(), office.loop)
        may_go_on.set()  # the caller is let in and the office closes in one turn of the loop
        hung_up.result(10)
        with suppress(ConnectionResetError):
            while caller.recv(1000):
                pass
    office.stop()


@pytest.mark.long
def test_two_hundred_letters_outlive_a_mail_server_that_is_away_and_a_worker_killed_ten_times(
    engine: str, tmp_path: Path, record_property: Record
) -> None:
    port = free_port()
    with open_hall(engine, tmp_path, MAIL_URL=f"smtp://127.0.0.1:{port}") as hall, hall.app.app_context():
        mug = make_product(stock=300)
        began = time.monotonic()
        away = place_orders(hall, mug, 200)
        time.sleep(max(0.0, OUTAGE_SECONDS - (time.monotonic() - began)))
        mailbox = Mailbox(kill_at={number * 17 for number in range(1, 11)})
        mailbox.kill = lambda: end(hall)
        with open_post(port, mailbox):
            back_at = time.monotonic()
            wanted = letters_of(away)
            while set(mailbox.kept) < wanted:
                revive(hall)
                assert time.monotonic() - back_at < 300, f"{len(mailbox.kept)} letters after five minutes"
                time.sleep(0.2)
            drained = time.monotonic() - back_at
        there, gone = place_by_turns(hall, mug, port, mailbox, 25)
        with open_post(port, mailbox):
            wanted |= letters_of(there + gone)
            eventually(lambda: set(mailbox.kept) == wanted, "the letters of now", within=150)
        figures = (
            f"200 letters {drained:.0f} s after the mail server's return, {mailbox.kills} kills, "
            f"{mailbox.kept.total() - len(mailbox.kept)} repeated; "
            f"{compare(there, gone)}"
        )
        record_property("figures", figures)
        print(figures)
        assert mailbox.kills == 10
        assert mailbox.kept.total() <= len(mailbox.kept) + mailbox.kills
        assert seconds_of(gone) < seconds_of(there) + 0.05
        hall.settle()


def end(hall: Hall) -> None:
    """kill -9 for the worker, by whoever hears its letter; it is gathered up by `revive`."""
    if hall.live.worker.process is not None:
        hall.live.worker.process.kill()


def revive(hall: Hall) -> None:
    """What bin/shop does with a worker that ended."""
    process = hall.live.worker.process
    if process is not None and process.poll() is not None:
        hall.live.worker.kill()
        hall.live.worker.start()
