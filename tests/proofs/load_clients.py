"""Many shoppers who press a button at the same moment: several client processes, a thread for each press.

The test side is `press_all`, and `call_all` for programs that use the API; a client process is this module run as a
program.
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
    from flask import Flask  # a client process does without

ROOT = Path(__file__).parents[2]
PATIENCE = 60.0  # seconds a client waits for an answer
HOPS = 60  # redirects, and looks at the page that waits for a payment
LOOK_AGAIN = 0.5  # seconds; sooner than that page asks for
HEADERS = {"Sec-Fetch-Site": "same-origin", "Content-Type": "application/x-www-form-urlencoded"}


@dataclass(frozen=True)
class Press:
    """A button of a page.

    :ivar form: selects its form
    :ivar times: how often it is pressed at once
    """

    cookie: str
    page: str
    form: str
    times: int = 1
    fields: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Answer:
    """What a press led to.

    :ivar statuses: of the press and of every redirect after it
    :ivar path: where it ended
    :ivar notices: what that page says at its top
    :ivar marks: what it says beside lines of the cart
    :ivar seconds: from the press until that page was there
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
    """A request to the API, with a token.

    :ivar bodies: JSON of each; one that is empty has none
    """

    token: str
    path: str
    bodies: list[str]
    key: str = ""


@dataclass(frozen=True)
class Reply:
    """What a request to the API was answered."""

    status: int
    body: Any
    seconds: float


def cookie_of(app: Flask, **kept: Any) -> str:
    """The session cookie of a visitor for whom the shop keeps this."""
    serializer = app.session_interface.get_signing_serializer(app)  # type: ignore[attr-defined]
    return f"{app.config['SESSION_COOKIE_NAME']}={serializer.dumps(kept)}"


def session_of(app: Flask, cookie: str) -> dict[str, Any]:
    """What the shop keeps for the visitor with this cookie."""
    kept: dict[str, Any] = app.session_interface.get_signing_serializer(app).loads(cookie.partition("=")[2])  # type: ignore[attr-defined]
    return kept


def press_all(origin: str, presses: Sequence[Press], *, processes: int = 4) -> list[list[Answer]]:
    """Open every page, and when all are open press all buttons at once.

    :return: the answers to each press
    """
    groups = _all_at_once(origin, [asdict(press) for press in presses], processes)
    return [[Answer(**answer) for answer in group] for group in groups]


def call_all(origin: str, calls: Sequence[Call], *, processes: int = 4) -> list[list[Reply]]:
    """Send every request at once.

    :return: the replies to each call's bodies
    """
    groups = _all_at_once(origin, [asdict(call) for call in calls], processes)
    return [[Reply(**reply) for reply in group] for group in groups]


def _all_at_once(origin: str, acts: list[dict[str, Any]], processes: int) -> list[list[dict[str, Any]]]:
    count = min(processes, 1 + len(acts) // 20)
    command = [sys.executable, "-m", "tests.proofs.load_clients"]
    clients = [
        subprocess.Popen(command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        for _ in range(count)
    ]
    try:
        for number, client in enumerate(clients):
            _tell(client, {"origin": origin, "acts": acts[number::count]})
        for client in clients:
            assert _hear(client) == "ready"
        for client in clients:
            _tell(client, "go")
        groups: list[list[dict[str, Any]]] = [[] for _ in acts]
        for number, client in enumerate(clients):
            groups[number::count] = _hear(client)
        return groups
    finally:
        for client in clients:
            client.kill()
            client.communicate()


def _tell(client: subprocess.Popen[str], what: object) -> None:
    assert client.stdin is not None
    client.stdin.write(json.dumps(what) + "\n")
    client.stdin.flush()


def _hear(client: subprocess.Popen[str]) -> Any:
    assert client.stdout is not None
    line = client.stdout.readline()
    assert line, "a client died"
    return json.loads(line)


# ---------------------------------------------------------------------------------------- a client process


@dataclass
class Visitor:
    """One tab of a browser; it keeps the cookie of the shop."""

    host: str
    cookie: str

    def ask(self, method: str, path: str, body: str = "") -> tuple[int, http.client.HTTPMessage, str]:
        """:return: status, headers, page"""
        with closing(http.client.HTTPConnection(self.host, timeout=PATIENCE)) as connection:
            connection.request(method, path, body or None, HEADERS | {"Cookie": self.cookie})
            answer = connection.getresponse()
            page = answer.read().decode()
        for header in answer.headers.get_all("Set-Cookie") or []:
            for name, morsel in SimpleCookie(header).items():
                self.cookie = f"{name}={morsel.value}"
        return answer.status, answer.headers, page

    def prepare(self, press: Press) -> tuple[str, str]:
        """Open the page.

        :return: address and body of what its button sends
        """
        status, _, page = self.ask("GET", press.page)
        form = BeautifulSoup(page, "html.parser").select_one(press.form)
        if form is None:
            raise LookupError(f"{press.page}: {status}, no {press.form}")
        values = {str(f["name"]): str(f.get("value", "")) for f in form.select("input[name]:not([type=radio])")}
        return str(form["action"]), urlencode(values | press.fields)

    def press(self, path: str, body: str) -> Answer:
        """Send what a button sends and follow it to where it ends."""
        began = time.monotonic()
        status, headers, page = self.ask("POST", path, body)
        statuses = [status]
        for _ in range(HOPS):
            if status in {301, 302, 303}:
                path = headers["Location"]
            elif "Refresh" in headers:
                time.sleep(LOOK_AGAIN)
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


def _pressed(host: str, press: Press) -> list[Callable[[], Answer]]:
    """Open its page.

    :return: pressing its button, once for each time it is pressed
    """
    visitor = Visitor(host, press.cookie)
    path, body = visitor.prepare(press)
    return [lambda: Visitor(host, visitor.cookie).press(path, body)] * press.times


def _called(host: str, call: Call) -> list[Callable[[], Reply]]:
    headers = {"Authorization": f"Bearer {call.token}", "Content-Type": "application/json"}
    if call.key:
        headers["Idempotency-Key"] = call.key

    def send(body: str) -> Reply:
        began = time.monotonic()
        with closing(http.client.HTTPConnection(host, timeout=PATIENCE)) as connection:
            connection.request("POST", call.path, body or None, headers)
            answer = connection.getresponse()
            return Reply(answer.status, json.loads(answer.read()), time.monotonic() - began)

    return [partial(send, body) for body in call.bodies]


def _serve() -> None:
    task = json.loads(sys.stdin.readline())
    host = urlsplit(task["origin"]).netloc

    def prepare(act: dict[str, Any]) -> Sequence[Callable[[], Answer | Reply]]:
        return _pressed(host, Press(**act)) if "page" in act else _called(host, Call(**act))

    with ThreadPoolExecutor(4) as pool:
        acts = list(pool.map(prepare, task["acts"]))
    answers: list[list[Answer | Reply]] = [[] for _ in acts]

    def run(number: int, act: Callable[[], Answer | Reply]) -> None:
        at_once.wait()
        answers[number].append(act())

    threads = [threading.Thread(target=run, args=(number, act)) for number, group in enumerate(acts) for act in group]
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
