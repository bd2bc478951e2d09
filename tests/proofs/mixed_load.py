"""A client process of the mixed acts: buyers and staff who do whatever comes to their minds, all at the same time.

The test side is `act_all`; a client process is this module run as a program.
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

from tests.proofs.load_clients import PATIENCE, ROOT, Visitor

THREADS = 3  # of each process


@dataclass(frozen=True)
class Cast:
    """Who acts and on what.

    :ivar buyers: their tokens
    :ivar bodies: orders that a buyer may send, as JSON
    :ivar clerk: cookie of somebody at the stock desk
    :ivar seller: of somebody at the order desk
    :ivar words: what the desk is searched for to show the goods
    :ivar skus: what is scanned in
    """

    origin: str
    buyers: list[str]
    bodies: list[str]
    clerk: str
    seller: str
    words: str
    skus: list[str]


@dataclass
class Tally:
    """:ivar done: acts by name and status
    :ivar wrong: answers nobody should get
    """

    done: Counter[str] = field(default_factory=Counter)
    wrong: list[str] = field(default_factory=list)


def act_all(cast: Cast, count: int, *, processes: int = 4, seed: int = 1) -> Tally:
    """Have several processes act at the same time, until there were so many acts."""
    command = [sys.executable, "-m", "tests.proofs.mixed_load"]
    clients = [
        subprocess.Popen(command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        for _ in range(processes)
    ]
    total = Tally()
    try:
        for number, client in enumerate(clients):
            assert client.stdin is not None
            task = {"cast": asdict(cast), "count": count // processes, "seed": seed * 1000 + number}
            client.stdin.write(json.dumps(task) + "\n")
            client.stdin.close()
        for client in clients:
            assert client.stdout is not None
            told = json.loads(client.stdout.readline() or "{}")
            assert told, "a client died"
            total.done.update(told["done"])
            total.wrong += told["wrong"]
    finally:
        for client in clients:
            client.kill()
            client.wait()
            assert client.stdout is not None
            client.stdout.close()
    return total


# ---------------------------------------------------------------------------------------- a client process


class Player:
    """One thread: now a buyer, now somebody of the staff."""

    def __init__(self, cast: Cast, seed: int, tally: Tally) -> None:
        self.cast, self.tally = cast, tally
        self.dice = random.Random(seed)
        self.host = urlsplit(cast.origin).netloc
        self.clerk, self.seller = Visitor(self.host, cast.clerk), Visitor(self.host, cast.seller)
        self.orders: list[tuple[str, str]] = []  # number and its buyer's token

    def act(self) -> None:
        name = self.dice.choices(list(ACTS), [weight for weight, _ in ACTS.values()])[0]
        status = ACTS[name][1](self)
        if status is None:
            return self.act()  # there was nothing to do it to
        self.tally.done[f"{name} {status}"] += 1
        if status >= 500 or status in {400, 401, 403, 404, 422}:
            self.tally.wrong.append(f"{name}: {status}")
        return None

    # ------------------------------------------------------------------------------------------ buyers

    def _call(self, method: str, path: str, token: str, body: str = "", **headers: str) -> tuple[int, Any]:
        sent = {"Authorization": f"Bearer {token}", "Content-Type": "application/json", **headers}
        with closing(http.client.HTTPConnection(self.host, timeout=PATIENCE)) as connection:
            connection.request(method, path, body or None, sent)
            answer = connection.getresponse()
            return answer.status, json.loads(answer.read())

    def order(self) -> int:
        token, body = self.dice.choice(self.cast.buyers), self.dice.choice(self.cast.bodies)
        key = {"Idempotency-Key": str(uuid.uuid4())}
        status, told = self._call("POST", "/api/orders/", token, body, **key)
        if status == 200:
            self.orders.append((told["id"], token))
        return status

    def cancel(self) -> int | None:
        if not self.orders:
            return None
        number, token = self.orders.pop(self.dice.randrange(len(self.orders)))
        return self._call("DELETE", f"/api/orders/{number}", token)[0]

    # ------------------------------------------------------------------------------------------- staff

    def _open(self, visitor: Visitor, path: str) -> BeautifulSoup:
        status, _, page = visitor.ask("GET", path)
        if status != 200:
            self.tally.wrong.append(f"GET {path}: {status}")
        return BeautifulSoup(page, "html.parser")

    def _send(self, visitor: Visitor, form: Tag, fields: Mapping[str, str]) -> tuple[int, str]:
        """:return: status, and where it leads"""
        kept = {str(f["name"]): str(f.get("value", "")) for f in form.select("input[name]:not([type=checkbox])")}
        status, headers, _ = visitor.ask("POST", str(form["action"]), urlencode(kept | dict(fields)))
        return status, headers.get("Location", "")

    def _change(self, change_of: Callable[[int], str]) -> tuple[int, str]:
        """Change one to three rows of the desk.

        :param change_of: what is typed, given what is on hand
        """
        page = self._open(self.clerk, f"/staff/stock?q={self.cast.words}")
        form = page.select_one("#desk-form")
        assert form is not None
        seen = {str(f["name"]).partition("-")[2]: str(f["value"]) for f in form.select("input[name^=seen-]")}
        rows = self.dice.sample(sorted(seen), min(len(seen), self.dice.randint(1, 3)))
        typed = {f"change-{row}": change_of(int(seen[row].partition("/")[0])) for row in rows}
        return self._send(self.clerk, form, {**typed, "reason": "correction"})

    def adjust(self) -> int:
        return self._change(lambda on_hand: self.dice.choice(["+3", "+5", "-1", "-2"]))[0]

    def count(self) -> int:
        return self._change(lambda on_hand: f"={max(0, on_hand + self.dice.choice([-1, 0, 1, 2]))}")[0]

    def undo(self) -> int | None:
        status, location = self._change(lambda on_hand: self.dice.choice(["+2", "-1"]))
        if status != 303:
            return None
        form = self._open(self.clerk, location).select_one("form.admin-undo")
        return self._send(self.clerk, form, {})[0] if form is not None else None

    def scan(self) -> int:
        sku = self.dice.choice(self.cast.skus)
        form = self._open(self.clerk, f"/staff/stock/scan?code={sku}").select_one("#scan-quantity")
        assert form is not None
        return self._send(self.clerk, form, {"quantity": "2"})[0]

    def _order_page(self) -> BeautifulSoup | None:
        """An order of this player's buyers, as the order desk shows it."""
        return self._open(self.seller, f"/staff/orders/{self.dice.choice(self.orders)[0]}") if self.orders else None

    def refund(self) -> int | None:
        page = self._order_page()
        units = page.select("form#refund input[name^=units-]") if page else []
        if page is None or not units:
            return None
        form = page.select_one("form#refund")
        assert form is not None
        back = {"restock": "y"} if self.dice.random() < 0.7 else {}
        return self._send(self.seller, form, {str(units[0]["name"]): "1", "do": "refund", **back})[0]

    def step(self) -> int | None:
        page = self._order_page()
        form = page.select_one("form#step") if page else None
        if form is None:
            return None
        carrier = form.select_one("select[name=carrier] option[value]:not([value=''])")
        return self._send(self.seller, form, {"carrier": str(carrier["value"])} if carrier else {})[0]


ACTS: dict[str, tuple[int, Callable[[Player], int | None]]] = {
    "order": (44, Player.order),
    "cancel": (10, Player.cancel),
    "adjust": (13, Player.adjust),
    "count": (8, Player.count),
    "undo": (5, Player.undo),
    "scan": (8, Player.scan),
    "refund": (7, Player.refund),
    "step": (5, Player.step),
}


def _serve() -> None:
    task = json.loads(sys.stdin.readline())
    cast, tally = Cast(**task["cast"]), Tally()

    def play(number: int) -> None:
        player = Player(cast, task["seed"] * 100 + number, tally)
        for _ in range(task["count"] // THREADS + 1):
            try:
                player.act()
            except (OSError, http.client.HTTPException, AssertionError, ValueError) as error:
                tally.wrong.append(f"{type(error).__name__}: {error}")

    with ThreadPoolExecutor(THREADS) as pool:
        list(pool.map(play, range(THREADS)))
    print(json.dumps(vars(tally)), flush=True)


if __name__ == "__main__":
    _serve()
