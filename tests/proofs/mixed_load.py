"""Mixed load: client processes in which customers and staff do random things at the same time.

Tests use `run_all`. A client process is this module run as a program.
"""

from __future__ import annotations

import http.client
import json
import random
import subprocess
import sys
import uuid
from collections import Counter
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from dataclasses import asdict, dataclass, field
from typing import Any
from urllib.parse import urlencode, urlsplit

from bs4 import BeautifulSoup, Tag

from tests.proofs.load_clients import ROOT, TIMEOUT, Visitor

THREADS = 3  # of each process


@dataclass(frozen=True)
class Workload:
    """The users and data of the load.

    :ivar buyers: their API tokens
    :ivar bodies: orders that a buyer can send, as JSON
    :ivar stock_staff: session cookie of a member of the stock staff
    :ivar order_staff: session cookie of a member of the order staff
    :ivar words: search that lists the products on the stock page
    :ivar skus: SKUs to scan
    """

    origin: str
    buyers: list[str]
    bodies: list[str]
    stock_staff: str
    order_staff: str
    words: str
    skus: list[str]


@dataclass
class Results:
    """What the clients did.

    :ivar done: number of actions by name and status
    :ivar wrong: unexpected answers
    """

    done: Counter[str] = field(default_factory=Counter)
    wrong: list[str] = field(default_factory=list)


def run_all(workload: Workload, count: int, *, processes: int = 4, seed: int = 1) -> Results:
    """Run random actions in several processes at the same time.

    :param count: of all actions together
    """
    command = [sys.executable, "-m", "tests.proofs.mixed_load"]
    clients = [
        subprocess.Popen(command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        for _ in range(processes)
    ]
    total = Results()
    try:
        for number, client in enumerate(clients):
            assert client.stdin is not None
            task = {"workload": asdict(workload), "count": count // processes, "seed": seed * 1000 + number}
            client.stdin.write(json.dumps(task) + "\n")
            client.stdin.close()
        for client in clients:
            assert client.stdout is not None
            answer = json.loads(client.stdout.readline() or "{}")
            assert answer, "a client died"
            total.done.update(answer["done"])
            total.wrong += answer["wrong"]
    finally:
        for client in clients:
            client.kill()
            client.wait()
            assert client.stdout is not None
            client.stdout.close()
    return total


# ---------------------------------------------------------------------------------------- a client process


class MixedClient:
    """One thread that acts as a customer or as staff at random."""

    def __init__(self, workload: Workload, seed: int, results: Results) -> None:
        self.workload, self.results = workload, results
        self.random = random.Random(seed)
        self.host = urlsplit(workload.origin).netloc
        self.stock_staff, self.order_staff = (
            Visitor(self.host, workload.stock_staff),
            Visitor(self.host, workload.order_staff),
        )
        self.orders: list[tuple[str, str]] = []  # number and its buyer's token

    def act(self) -> None:
        name = self.random.choices(list(ACTIONS), [weight for weight, _ in ACTIONS.values()])[0]
        status = ACTIONS[name][1](self)
        if status is None:
            return self.act()  # not possible now: choose another one
        self.results.done[f"{name} {status}"] += 1
        if status >= 500 or status in {400, 401, 403, 404, 422}:
            self.results.wrong.append(f"{name}: {status}")
        return None

    # ------------------------------------------------------------------------------------------ buyers

    def _call(self, method: str, path: str, token: str, body: str = "", **headers: str) -> tuple[int, Any]:
        sent = {"Authorization": f"Bearer {token}", "Content-Type": "application/json", **headers}
        with closing(http.client.HTTPConnection(self.host, timeout=TIMEOUT)) as connection:
            connection.request(method, path, body or None, sent)
            answer = connection.getresponse()
            return answer.status, json.loads(answer.read())

    def order(self) -> int:
        token, body = self.random.choice(self.workload.buyers), self.random.choice(self.workload.bodies)
        key = {"Idempotency-Key": str(uuid.uuid4())}
        status, answer = self._call("POST", "/api/orders/", token, body, **key)
        if status == 200:
            self.orders.append((answer["id"], token))
        return status

    def cancel(self) -> int | None:
        if not self.orders:
            return None
        number, token = self.orders.pop(self.random.randrange(len(self.orders)))
        return self._call("DELETE", f"/api/orders/{number}", token)[0]

    # ------------------------------------------------------------------------------------------- staff

    def _open(self, visitor: Visitor, path: str) -> BeautifulSoup:
        status, _, page = visitor.ask("GET", path)
        if status != 200:
            self.results.wrong.append(f"GET {path}: {status}")
        return BeautifulSoup(page, "html.parser")

    def _send(self, visitor: Visitor, form: Tag, fields: Mapping[str, str]) -> tuple[int, str]:
        """Submit a form.

        :return: status and Location header
        """
        values = {str(f["name"]): str(f.get("value", "")) for f in form.select("input[name]:not([type=checkbox])")}
        status, headers, _ = visitor.ask("POST", str(form["action"]), urlencode(values | dict(fields)))
        return status, headers.get("Location", "")

    def _change(self, change_of: Callable[[int], str]) -> tuple[int, str]:
        """Change one to three rows of the stock page.

        :param change_of: text to enter, given the units on hand
        """
        page = self._open(self.stock_staff, f"/staff/stock?q={self.workload.words}")
        form = page.select_one("#stock-form")
        assert form is not None
        seen = {str(f["name"]).partition("-")[2]: str(f["value"]) for f in form.select("input[name^=seen-]")}
        rows = self.random.sample(sorted(seen), min(len(seen), self.random.randint(1, 3)))
        typed = {f"change-{row}": change_of(int(seen[row].partition("/")[0])) for row in rows}
        return self._send(self.stock_staff, form, {**typed, "reason": "correction"})

    def adjust(self) -> int:
        return self._change(lambda on_hand: self.random.choice(["+3", "+5", "-1", "-2"]))[0]

    def count(self) -> int:
        return self._change(lambda on_hand: f"={max(0, on_hand + self.random.choice([-1, 0, 1, 2]))}")[0]

    def undo(self) -> int | None:
        status, location = self._change(lambda on_hand: self.random.choice(["+2", "-1"]))
        if status != 303:
            return None
        form = self._open(self.stock_staff, location).select_one("form.admin-undo")
        return self._send(self.stock_staff, form, {})[0] if form is not None else None

    def scan(self) -> int:
        sku = self.random.choice(self.workload.skus)
        form = self._open(self.stock_staff, f"/staff/stock/scan?code={sku}").select_one("#scan-quantity")
        assert form is not None
        return self._send(self.stock_staff, form, {"quantity": "2"})[0]

    def _order_page(self) -> BeautifulSoup | None:
        """The staff page of an order that this client placed."""
        if not self.orders:
            return None
        return self._open(self.order_staff, f"/staff/orders/{self.random.choice(self.orders)[0]}")

    def refund(self) -> int | None:
        page = self._order_page()
        units = page.select("form#refund input[name^=units-]") if page else []
        if page is None or not units:
            return None
        form = page.select_one("form#refund")
        assert form is not None
        restock = {"restock": "y"} if self.random.random() < 0.7 else {}
        chosen = {str(units[0]["name"]): "1", **restock}
        amount = self._shown_amount(form, chosen)
        return self._send(self.order_staff, form, {**chosen, "do": "refund", "shown": amount})[0] if amount else None

    def _shown_amount(self, form: Tag, chosen: Mapping[str, str]) -> str:
        """Have the amount of a refund shown, as staff do before they confirm it; empty if it is refused."""
        values = {str(f["name"]): str(f.get("value", "")) for f in form.select("input[name]:not([type=checkbox])")}
        _, _, body = self.order_staff.ask("POST", str(form["action"]), urlencode(values | {**chosen, "do": "preview"}))
        shown = BeautifulSoup(body, "html.parser").select_one("form#refund input[name=shown]")
        return str(shown["value"]) if shown else ""

    def step(self) -> int | None:
        page = self._order_page()
        form = page.select_one("form#step") if page else None
        if form is None:
            return None
        carrier = form.select_one("select[name=carrier] option[value]:not([value=''])")
        return self._send(self.order_staff, form, {"carrier": str(carrier["value"])} if carrier else {})[0]


ACTIONS: dict[str, tuple[int, Callable[[MixedClient], int | None]]] = {
    "order": (44, MixedClient.order),
    "cancel": (10, MixedClient.cancel),
    "adjust": (13, MixedClient.adjust),
    "count": (8, MixedClient.count),
    "undo": (5, MixedClient.undo),
    "scan": (8, MixedClient.scan),
    "refund": (7, MixedClient.refund),
    "step": (5, MixedClient.step),
}


def _serve() -> None:
    task = json.loads(sys.stdin.readline())
    workload, results = Workload(**task["workload"]), Results()

    def play(number: int) -> None:
        client_thread = MixedClient(workload, task["seed"] * 100 + number, results)
        for _ in range(task["count"] // THREADS + 1):
            try:
                client_thread.act()
            except (OSError, http.client.HTTPException, AssertionError, ValueError) as error:
                results.wrong.append(f"{type(error).__name__}: {error}")

    with ThreadPoolExecutor(THREADS) as pool:
        list(pool.map(play, range(THREADS)))
    print(json.dumps(vars(results)), flush=True)


if __name__ == "__main__":
    _serve()
