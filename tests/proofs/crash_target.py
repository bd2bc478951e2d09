"""A shop's process that dies: `python -m tests.proofs.crash_target URL FOLDER`, on databases that exist already.

It reads one act a line from standard input (JSON, see `Act`) and answers each with a line of its own (see `Fate`).
Every act is done by a child of its own, forked from this process once everything is imported and warm; the child
sends itself SIGKILL where the act says so. Nothing of this is known to the shop: it is patched from outside.
"""

from __future__ import annotations

import json
import os
import select
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from flask import Flask
from sqlalchemy import event

from storefront import create_app
from storefront.checkout import saga
from storefront.checkout import service as checkout
from storefront.checkout.saga import SagaRun, Step
from storefront.cli import consistency
from storefront.core import clock
from storefront.db.session import db
from storefront.messaging.mail import Email
from storefront.payments.providers import ProviderResponse
from storefront.payments.sandbox import SandboxProvider
from storefront.payments.values import PaymentStatus
from storefront.worker import tasks
from tests.conftest import make_config

PATIENCE = 60.0  # seconds for an answer
SWEEPS = 5  # a checkout that pauses is walked on by the next sweep


@dataclass(frozen=True)
class Act:
    """What one child process does, and how it dies.

    :ivar kind: "place" an order, "sweep" as the worker does, "audit" as the doctor does; "warm up" places an order too,
        in the parent: its children then know every statement already
    :ivar dies: where the child kills itself: "before do reserve", "after undo secure", "before commit 7" …; "" nowhere
    :ivar ahead: how far ahead its clock is, in seconds
    :ivar bank: "refuses-capture": what was held is gone when it is to be taken
    :ivar fails: "reserve": this step fails with a real error …
    :ivar times: … so often
    """

    kind: str
    checkout: str = ""
    token: str = ""
    agreed: str = ""
    dies: str = ""
    ahead: float = 0
    bank: str = ""
    fails: str = ""
    times: int = 0


@dataclass(frozen=True)
class Fate:
    """:ivar points: the places the child came by, in order
    :ivar said: faults found, or the error it ended with
    """

    was_killed: bool
    points: list[str]
    said: list[str]


class LetterBook:
    """Notes each letter by its id, in a file, before it counts as sent."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def send(self, letter: Email) -> None:
        with self._path.open("a") as file:
            file.write(f"{letter.id}\n")


class Road:
    """Where the child is: every step and every commit it comes by, and the one where it ends."""

    def __init__(self, dies: str) -> None:
        self._dies = dies
        self._commits = 0
        self.points: list[str] = []

    def pass_by(self, point: str) -> None:
        self.points.append(point)
        if point == self._dies:
            os.kill(os.getpid(), signal.SIGKILL)

    def before_commit(self, _connection: object) -> None:
        self._commits += 1
        self.pass_by(f"before commit {self._commits}")

    def after_commit(self, _session: object) -> None:
        self.pass_by(f"after commit {self._commits}")

    def watch(self) -> None:
        for engine in db.engines.values():
            event.listen(engine, "commit", self.before_commit)
        event.listen(db.session, "after_commit", self.after_commit)
        saga.STEPS = tuple(
            Step(step.name, self._around("do", step, step.do), self._around("undo", step, step.undo))
            for step in saga.STEPS
        )

    def _around(self, verb: str, step: Step, work: Callable[[SagaRun], None]) -> Callable[[SagaRun], None]:
        def run(walk: SagaRun) -> None:
            self.pass_by(f"before {verb} {step.name}")
            work(walk)
            self.pass_by(f"after {verb} {step.name}")

        return run


def _break(step_name: str, times: int) -> None:
    """Let a step fail after it did its work: the harder half, for nobody knows that it was done."""
    left = times

    def failing(work: Callable[[SagaRun], None]) -> Callable[[SagaRun], None]:
        def run(walk: SagaRun) -> None:
            nonlocal left
            work(walk)
            left -= 1
            if left >= 0:
                raise OSError("no space left on device")

        return run

    saga.STEPS = tuple(
        Step(step.name, failing(step.do), step.undo) if step.name == step_name else step for step in saga.STEPS
    )


def _refuse_capture(self: SandboxProvider, key: str) -> ProviderResponse:
    return self._move(key, PaymentStatus.AUTHORISED, PaymentStatus.DECLINED)


def _do(act: Act) -> list[str]:
    if act.kind in {"place", "warm up"}:
        checkout.place_order(act.checkout, act.token, agreed=act.agreed, return_url=lambda _: "/")
    elif act.kind == "sweep":
        _sweep()
    elif act.kind == "audit":
        return list(consistency.violations())
    return []


def _sweep() -> None:
    """What the worker does every minute, until nothing is left to do."""
    for _ in range(SWEEPS):
        tasks.sweep()
        if not saga.unfinished():
            return
        ahead, read = timedelta(seconds=61), clock._read
        clock._read = lambda ahead=ahead, read=read: read() + ahead


def _live(app: Flask, act: Act, answer: int) -> None:
    """The child's whole life."""
    clock._read = lambda: datetime.now(UTC) + timedelta(seconds=act.ahead)
    if act.bank == "refuses-capture":
        SandboxProvider.capture = _refuse_capture  # type: ignore[method-assign]
    if act.fails:
        _break(act.fails, act.times)
    road = Road(act.dies)
    with app.test_request_context(base_url=app.config["PUBLIC_ORIGIN"]):
        road.watch()
        try:
            said = _do(act)
        except Exception as error:  # noqa: BLE001 - the test looks at it
            said = [f"{type(error).__name__}: {error}"]
    os.write(answer, json.dumps({"points": road.points, "said": said}).encode())


def _fork(app: Flask, act: Act) -> Fate:
    read, write = os.pipe()
    child = os.fork()
    if child == 0:
        os.close(read)
        _live(app, act, write)
        os._exit(0)
    os.close(write)
    with os.fdopen(read) as pipe:
        heard = pipe.read()
    _, status = os.waitpid(child, 0)
    told = json.loads(heard) if heard else {"points": [], "said": [] if os.WIFSIGNALED(status) else ["it broke"]}
    return Fate(os.WIFSIGNALED(status) and os.WTERMSIG(status) == signal.SIGKILL, told["points"], told["said"])


def main(url: str, folder: Path) -> None:
    app = create_app(make_config(folder, url))
    app.extensions["mailer"] = LetterBook(folder / "letters")
    for line in sys.stdin:
        act = Act(**json.loads(line))
        fate = _warm_up(app, act) if act.kind == "warm up" else _fork(app, act)
        print(json.dumps(asdict(fate)), flush=True)


def _warm_up(app: Flask, act: Act) -> Fate:
    with app.test_request_context():
        _do(act)
        said = list(consistency.violations())
        db.session.remove()
        for engine in db.engines.values():
            engine.dispose()  # no connection may be shared with a child
    return Fate(was_killed=False, points=[], said=said)


# --------------------------------------------------------------------------------- the test's side of it


class Victims:
    """The process that forks victims, as the test talks to it."""

    def __init__(self, process: subprocess.Popen[bytes]) -> None:
        self._process = process

    def do(self, act: Act) -> Fate:
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(json.dumps(asdict(act)).encode() + b"\n")
        self._process.stdin.flush()
        ready, _, _ = select.select([self._process.stdout], [], [], PATIENCE)
        assert ready, f"no answer within {PATIENCE} s: {act}"
        told: dict[str, Any] = json.loads(self._process.stdout.readline())
        return Fate(**told)


@contextmanager
def victims(url: str, folder: Path) -> Iterator[Victims]:
    """Start the process that forks victims; it ends with the block."""
    with (folder / "victims.log").open("ab") as log:
        process = subprocess.Popen(
            [sys.executable, "-m", "tests.proofs.crash_target", url, str(folder)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=log,
            cwd=Path(__file__).parents[2],
        )
    try:
        yield Victims(process)
    finally:
        process.kill()
        process.communicate()


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]))
