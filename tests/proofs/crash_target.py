"""A process of the shop that kills itself: `python -m tests.proofs.crash_target URL FOLDER`, on existing databases.

It reads tasks from standard input, one line of JSON each (see `Task`), and answers each with a line (see `TaskResult`).
Every task is done by a child process, forked after everything was imported and warmed up. The child sends itself
SIGKILL at the point that the task names. The shop's code has no hooks for this: it is patched from outside.
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
from storefront.checkout.saga_steps import SagaRun, Step
from storefront.cli import consistency
from storefront.core import clock
from storefront.db.session import db
from storefront.messaging.mail import Email
from storefront.payments.providers import ProviderResponse
from storefront.payments.sandbox import SandboxProvider
from storefront.payments.values import PaymentStatus
from storefront.worker import tasks
from tests.conftest import make_config

TIMEOUT = 60.0  # seconds for an answer
SWEEPS = 5  # at most; a checkout that pauses is resumed by the next sweep


@dataclass(frozen=True)
class Task:
    """What a process is to do.

    :ivar kind: "place" an order, "sweep" as the worker does, "audit" as the `doctor` command does; "warm up" places an
        order in the parent process, whose compiled statements are then inherited by its children
    :ivar dies_at: where the child kills itself, such as "before do reserve", "after undo secure", "before commit 7";
        empty for nowhere
    :ivar ahead: seconds by which its clock is ahead
    :ivar provider: "refuses-capture" for a payment provider that declines the capture
    :ivar fails: name of the step that raises an error
    :ivar times: how often it does
    """

    kind: str
    checkout: str = ""
    token: str = ""
    agreed: str = ""
    dies_at: str = ""
    ahead: float = 0
    provider: str = ""
    fails: str = ""
    times: int = 0


@dataclass(frozen=True)
class TaskResult:
    """What became of a task.

    :ivar points: the points that the child passed, in order
    :ivar messages: violations found, or the error that ended it
    """

    was_killed: bool
    points: list[str]
    messages: list[str]


class RecordingTransport:
    """Mail transport that appends the id of each e-mail to a file."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def send(self, email: Email) -> None:
        with self._path.open("a") as file:
            file.write(f"{email.id}\n")


class Tracer:
    """Records every step and commit that the child passes, and kills it at one of them."""

    def __init__(self, dies_at: str) -> None:
        self._dies_at = dies_at
        self._commits = 0
        self.points: list[str] = []

    def reached(self, point: str) -> None:
        self.points.append(point)
        if point == self._dies_at:
            os.kill(os.getpid(), signal.SIGKILL)

    def before_commit(self, _connection: object) -> None:
        self._commits += 1
        self.reached(f"before commit {self._commits}")

    def after_commit(self, _session: object) -> None:
        self.reached(f"after commit {self._commits}")

    def watch(self) -> None:
        for engine in db.engines.values():
            event.listen(engine, "commit", self.before_commit)
        event.listen(db.session, "after_commit", self.after_commit)
        saga.STEPS = tuple(
            Step(step.name, self._around("do", step, step.do), self._around("undo", step, step.undo))
            for step in saga.STEPS
        )

    def _around(self, verb: str, step: Step, work: Callable[[SagaRun], None]) -> Callable[[SagaRun], None]:
        def run(saga_run: SagaRun) -> None:
            self.reached(f"before {verb} {step.name}")
            work(saga_run)
            self.reached(f"after {verb} {step.name}")

        return run


def _break(step_name: str, times: int) -> None:
    """Let a step fail after it did its work, the harder case: the saga does not know that it was done."""
    left = times

    def failing(work: Callable[[SagaRun], None]) -> Callable[[SagaRun], None]:
        def run(saga_run: SagaRun) -> None:
            nonlocal left
            work(saga_run)
            left -= 1
            if left >= 0:
                raise OSError("no space left on device")

        return run

    saga.STEPS = tuple(
        Step(step.name, failing(step.do), step.undo) if step.name == step_name else step for step in saga.STEPS
    )


def _refuse_capture(self: SandboxProvider, key: str) -> ProviderResponse:
    return self._move(key, PaymentStatus.AUTHORISED, PaymentStatus.DECLINED)


def _do(task: Task) -> list[str]:
    if task.kind in {"place", "warm up"}:
        checkout.place_order(task.checkout, task.token, agreed=task.agreed, return_url=lambda _: "/")
    elif task.kind == "sweep":
        _sweep()
    elif task.kind == "audit":
        return list(consistency.violations())
    return []


def _sweep() -> None:
    """Sweep as the worker does every minute, until no checkout is unfinished."""
    for _ in range(SWEEPS):
        tasks.sweep()
        if not saga.unfinished():
            return
        ahead, read = timedelta(seconds=61), clock._read
        clock._read = lambda ahead=ahead, read=read: read() + ahead


def _live(app: Flask, task: Task, answer: int) -> None:
    """Do a task in the child process and write the result to a pipe.

    :param answer: file descriptor of the pipe
    """
    clock._read = lambda: datetime.now(UTC) + timedelta(seconds=task.ahead)
    if task.provider == "refuses-capture":
        SandboxProvider.capture = _refuse_capture  # type: ignore[method-assign]
    if task.fails:
        _break(task.fails, task.times)
    tracer = Tracer(task.dies_at)
    with app.test_request_context(base_url=app.config["PUBLIC_ORIGIN"]):
        tracer.watch()
        try:
            messages = _do(task)
        except Exception as error:  # noqa: BLE001 - the test checks it
            messages = [f"{type(error).__name__}: {error}"]
    os.write(answer, json.dumps({"points": tracer.points, "messages": messages}).encode())


def _fork(app: Flask, task: Task) -> TaskResult:
    read, write = os.pipe()
    child = os.fork()
    if child == 0:
        os.close(read)
        _live(app, task, write)
        os._exit(0)
    os.close(write)
    with os.fdopen(read) as pipe:
        heard = pipe.read()
    _, status = os.waitpid(child, 0)
    answer = json.loads(heard) if heard else {"points": [], "messages": [] if os.WIFSIGNALED(status) else ["it broke"]}
    return TaskResult(
        os.WIFSIGNALED(status) and os.WTERMSIG(status) == signal.SIGKILL, answer["points"], answer["messages"]
    )


def main(url: str, folder: Path) -> None:
    app = create_app(make_config(folder, url))
    app.extensions["mailer"] = RecordingTransport(folder / "emails")
    for line in sys.stdin:
        task = Task(**json.loads(line))
        result = _warm_up(app, task) if task.kind == "warm up" else _fork(app, task)
        print(json.dumps(asdict(result)), flush=True)


def _warm_up(app: Flask, task: Task) -> TaskResult:
    with app.test_request_context():
        _do(task)
        messages = list(consistency.violations())
        db.session.remove()
        for engine in db.engines.values():
            engine.dispose()  # no connection may be shared with a child
    return TaskResult(was_killed=False, points=[], messages=messages)


# --------------------------------------------------------------------------------- the test's side


class TargetProcess:
    """The test's handle of the process that forks a child for each task."""

    def __init__(self, process: subprocess.Popen[bytes]) -> None:
        self._process = process

    def do(self, task: Task) -> TaskResult:
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(json.dumps(asdict(task)).encode() + b"\n")
        self._process.stdin.flush()
        ready, _, _ = select.select([self._process.stdout], [], [], TIMEOUT)
        assert ready, f"no answer within {TIMEOUT} s: {task}"
        answer: dict[str, Any] = json.loads(self._process.stdout.readline())
        return TaskResult(**answer)


@contextmanager
def target_process(url: str, folder: Path) -> Iterator[TargetProcess]:
    """Run the process within the block."""
    with (folder / "crash_target.log").open("ab") as log:
        process = subprocess.Popen(
            [sys.executable, "-m", "tests.proofs.crash_target", url, str(folder)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=log,
            cwd=Path(__file__).parents[2],
        )
    try:
        yield TargetProcess(process)
    finally:
        process.kill()
        process.communicate()


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]))
