"""Load generator: client processes with a thread for each request, all of which are sent at the same moment.

Tests use `press_all` for pages and `call_all` for the API. A client process is this module run as a program.
"""

from __future__ import annotations

import http.client
import json
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from dataclasses import asdict, dataclass, field
from functools import partial
from http.cookies import SimpleCookie
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode, urlsplit

from bs4 import BeautifulSoup

if TYPE_CHECKING:
    from flask import Flask  # not needed in a client process

ROOT = Path(__file__).parents[2]
TIMEOUT = 60.0  # seconds a client waits for an answer
MAX_HOPS = 60  # redirects, and reloads of the page that waits for a payment
RELOAD_PAUSE = 0.5  # seconds; less than that page's Refresh header
HEADERS = {"Sec-Fetch-Site": "same-origin", "Content-Type": "application/x-www-form-urlencoded"}


@dataclass(frozen=True)
class Press:
    """Pressing a button of a page.

    :ivar form: CSS selector of its form
    :ivar times: how often it is pressed at once
    :ivar fields: values to change
    """

    cookie: str
    page: str
    form: str
    times: int = 1
    fields: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Answer:
    """The result of a press, after redirects.

    :ivar statuses: of the request and of every redirect
    :ivar path: of the last page
    :ivar notices: messages at the top of the last page
    :ivar marks: messages beside lines of the cart
    :ivar seconds: from the press until the last page
    """

    statuses: list[int]
    path: str
    notices: list[str]
    marks: list[str]
    seconds: float
    cookie: str

    @property
    def has_order(self) -> bool:
        return self.path.startswith("/orders/ORD-")

    @property
    def order_id(self) -> str:
        return urlsplit(self.path).path.removeprefix("/orders/")


@dataclass(frozen=True)
class Call:
    """Requests to the API with a token.

    :ivar bodies: JSON of each request; empty for no body
    :ivar key: Idempotency-Key of all of them, empty for none
    """

    token: str
    path: str
    bodies: list[str]
    key: str = ""


@dataclass(frozen=True)
class Reply:
    """The response to a request to the API."""

    status: int
    body: Any
    seconds: float


def cookie_of(app: Flask, **session: Any) -> str:
    """Make the cookie of a session with these entries."""
    serializer = app.session_interface.get_signing_serializer(app)  # type: ignore[attr-defined]
    return f"{app.config['SESSION_COOKIE_NAME']}={serializer.dumps(session)}"


def session_of(app: Flask, cookie: str) -> dict[str, Any]:
    """Read the entries of a session from its cookie."""
    session: dict[str, Any] = app.session_interface.get_signing_serializer(app).loads(cookie.partition("=")[2])  # type: ignore[attr-defined]
    return session


def press_all(origin: str, presses: Sequence[Press], *, processes: int = 4) -> list[list[Answer]]:
    """Open every page, then press all buttons at once.

    :return: for each press its answers
    """
    groups = _all_at_once(origin, [asdict(press) for press in presses], processes)
    return [[Answer(**answer) for answer in group] for group in groups]


def call_all(origin: str, calls: Sequence[Call], *, processes: int = 4) -> list[list[Reply]]:
    """Send all requests at once.

    :return: for each call its replies, in the order of the bodies
    """
    groups = _all_at_once(origin, [asdict(call) for call in calls], processes)
    return [[Reply(**reply) for reply in group] for group in groups]


def press_and_call_all(
    origin: str, presses: Sequence[Press], calls: Sequence[Call]
) -> tuple[list[list[Answer]], list[list[Reply]]]:
    """Open every page, then press all buttons and send all requests at once."""
    groups = _all_at_once(origin, [asdict(action) for action in (*presses, *calls)], 4)
    answers = [[Answer(**answer) for answer in group] for group in groups[: len(presses)]]
    return answers, [[Reply(**reply) for reply in group] for group in groups[len(presses) :]]


def _all_at_once(origin: str, actions: list[dict[str, Any]], processes: int) -> list[list[dict[str, Any]]]:
    count = min(processes, 1 + len(actions) // 20)
    command = [sys.executable, "-m", "tests.proofs.load_clients"]
    clients = [
        subprocess.Popen(command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        for _ in range(count)
    ]
    try:
        for number, client in enumerate(clients):
            _write_line(client, {"origin": origin, "actions": actions[number::count]})
        for client in clients:
            assert _read_line(client) == "ready"
        for client in clients:
            _write_line(client, "go")
        groups: list[list[dict[str, Any]]] = [[] for _ in actions]
        for number, client in enumerate(clients):
            groups[number::count] = _read_line(client)
        return groups
    finally:
        for client in clients:
            client.kill()
            client.communicate()


def _write_line(client: subprocess.Popen[str], what: object) -> None:
    assert client.stdin is not None
    client.stdin.write(json.dumps(what) + "\n")
    client.stdin.flush()


def _read_line(client: subprocess.Popen[str]) -> Any:
    assert client.stdout is not None
    line = client.stdout.readline()
    assert line, "a client died"
    return json.loads(line)


# ---------------------------------------------------------------------------------------- a client process


@dataclass
class Visitor:
    """A browser tab that keeps the session cookie."""

    host: str
    cookie: str

    def ask(self, method: str, path: str, body: str = "") -> tuple[int, http.client.HTTPMessage, str]:
        """Send a request.

        :return: status, headers, page
        """
        with closing(http.client.HTTPConnection(self.host, timeout=TIMEOUT)) as connection:
            connection.request(method, path, body or None, HEADERS | {"Cookie": self.cookie})
            answer = connection.getresponse()
            page = answer.read().decode()
        for header in answer.headers.get_all("Set-Cookie") or []:
            for name, morsel in SimpleCookie(header).items():
                self.cookie = f"{name}={morsel.value}"
        return answer.status, answer.headers, page

    def prepare(self, press: Press) -> tuple[str, str]:
        """Open a page.

        :return: path and body of the request that its button sends
        """
        status, _, page = self.ask("GET", press.page)
        form = BeautifulSoup(page, "html.parser").select_one(press.form)
        if form is None:
            raise LookupError(f"{press.page}: {status}, no {press.form}")
        values = {str(f["name"]): str(f.get("value", "")) for f in form.select("input[name]:not([type=radio])")}
        return str(form["action"]), urlencode(values | press.fields)

    def press(self, path: str, body: str) -> Answer:
        """Send a button's request and follow redirects and reloads to the last page."""
        began = time.monotonic()
        status, headers, page = self.ask("POST", path, body)
        statuses = [status]
        for _ in range(MAX_HOPS):
            if status in {301, 302, 303}:
                path = headers["Location"]
            elif "Refresh" in headers:
                time.sleep(RELOAD_PAUSE)
            else:
                break
            status, headers, page = self.ask("GET", path)
            statuses.append(status)
        html = BeautifulSoup(page, "html.parser")
        return Answer(
            statuses,
            path,
            [" ".join(notice.get_text().split()) for notice in html.select(".notice__text")],
            [" ".join(mark.get_text().split()) for mark in html.select(".cart-line__notice")],
            time.monotonic() - began,
            self.cookie,
        )


def _prepare_presses(host: str, press: Press) -> list[Callable[[], Answer]]:
    """Open the page of a press.

    :return: a function for each time the button is pressed
    """
    visitor = Visitor(host, press.cookie)
    path, body = visitor.prepare(press)
    return [lambda: Visitor(host, visitor.cookie).press(path, body)] * press.times


def _prepare_calls(host: str, call: Call) -> list[Callable[[], Reply]]:
    headers = {"Authorization": f"Bearer {call.token}", "Content-Type": "application/json"}
    if call.key:
        headers["Idempotency-Key"] = call.key

    def send(body: str) -> Reply:
        began = time.monotonic()
        with closing(http.client.HTTPConnection(host, timeout=TIMEOUT)) as connection:
            connection.request("POST", call.path, body or None, headers)
            answer = connection.getresponse()
            return Reply(answer.status, json.loads(answer.read()), time.monotonic() - began)

    return [partial(send, body) for body in call.bodies]


def _serve() -> None:
    task = json.loads(sys.stdin.readline())
    host = urlsplit(task["origin"]).netloc

    def prepare(action: dict[str, Any]) -> Sequence[Callable[[], Answer | Reply]]:
        return _prepare_presses(host, Press(**action)) if "page" in action else _prepare_calls(host, Call(**action))

    with ThreadPoolExecutor(4) as pool:
        actions = list(pool.map(prepare, task["actions"]))
    answers: list[list[Answer | Reply]] = [[] for _ in actions]

    def run(number: int, action: Callable[[], Answer | Reply]) -> None:
        at_once.wait()
        answers[number].append(action())

    threads = [
        threading.Thread(target=run, args=(number, action)) for number, group in enumerate(actions) for action in group
    ]
    at_once = threading.Barrier(len(threads))
    print(json.dumps("ready"), flush=True)
    sys.stdin.readline()
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    print(json.dumps([[asdict(answer) for answer in group] for group in answers]), flush=True)


if __name__ == "__main__":
    _serve()
