"""B1, B2: costly bodies and images, seventeen at a time, against two server processes of eight threads each.

bin/test -m long -s tests/proofs/test_costly_requests.py
"""

from __future__ import annotations

import http.client
import io
import re
import threading
import time
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from PIL import Image

from storefront.accounts import service as accounts
from storefront.core.image_processing import MAX_BYTES
from storefront.web.request_body import MAX_FORM_FIELDS
from tests.core.test_image_cost import jpeg_with_scans
from tests.factories.accounts import make_account
from tests.proofs.live_shop import LoadShop, open_load_shop
from tests.proofs.load_clients import cookie_of
from tests.web.test_request_body import FORM, JSON, PARTS, file_part

pytestmark = [pytest.mark.long, pytest.mark.usefixtures("real_time")]

AT_ONCE = 17  # one more than the server has threads
ROUNDS = 2
MAX_GROWTH = 64 * 2**20
PATHS = ["/", "/users/login", "/api/orders/", "/cart", "/checkout/review", "/no/such/path", "/track", "/staff/products"]
UPLOADS = ["/account/avatar", "/staff/stock/imports", "/staff/products/1/pictures", "/api/products/1/images"]


@dataclass(frozen=True)
class Attack:
    """Requests that are sent again and again.

    :ivar requests: path, content type and body
    :ivar max_health: seconds that /health may take meanwhile
    """

    name: str
    requests: list[tuple[str, str, bytes]]
    headers: dict[str, str] = field(default_factory=dict)
    max_health: float = 1.0


def photo(width: int, height: int) -> bytes:
    """A picture that the shop accepts, as costly as its limits allow."""
    file = io.BytesIO()
    Image.effect_noise((width // 8, height // 8), 90).resize((width, height)).convert("RGB").save(
        file, "JPEG", quality=60
    )
    assert file.tell() < MAX_BYTES
    return file.getvalue()


def nested(levels: int, width: int) -> bytes:
    """JSON of a number of lists in lists, the innermost of which are many."""
    return b"[" * levels + b"1," * width + b"1" + b"]" * levels


def anonymous_attacks() -> list[Attack]:
    everywhere = [
        ("880 kB of nested JSON", JSON, b"[" * 440_000 + b"]" * 440_000),
        ("253 kB of digits", JSON, b"1" * 253_000),
        ("250 kB of JSON, 125,000 values", JSON, nested(1, 125_000)),
        ("35 kB of JSON, 9,000 values in 62 levels", JSON, nested(62, 9_000)),
        ("a form of the most fields", FORM, b"a=1&" * (MAX_FORM_FIELDS - 1) + b"a=1"),
        ("a form of 80,000 fields", FORM, b"a=&" * 80_000),
        ("10 MB of text", "text/plain", bytes(10 * 2**20)),
    ]
    attacks = [Attack(name, [(path, kind, body) for path in PATHS]) for name, kind, body in everywhere]
    return [
        *attacks,
        Attack("5 MB to the routes for uploads", [(path, PARTS, file_part(bytes(MAX_BYTES))) for path in UPLOADS]),
    ]


class Observer:
    """Asks for /health all the time, and reads the peak memory of the server's processes."""

    def __init__(self, shop: LoadShop) -> None:
        self.host = urlsplit(shop.live.origin).netloc
        assert shop.live.server.process is not None
        master = shop.live.server.process.pid
        self.processes = [int(pid) for pid in Path(f"/proc/{master}/task/{master}/children").read_text().split()]
        assert len(self.processes) == 2
        self.slowest, self._stopped = 0.0, threading.Event()
        self._thread = threading.Thread(target=self._watch)

    def _watch(self) -> None:
        while not self._stopped.is_set():
            began = time.monotonic()
            status, _ = send(self.host, "GET", "/health", {}, b"")
            assert status == 200
            self.slowest = max(self.slowest, time.monotonic() - began)
            self._stopped.wait(0.05)

    def memory(self, line: str) -> list[int]:
        """Bytes of each process: VmRSS now, VmHWM at the peak since `reset`."""
        texts = (Path(f"/proc/{pid}/status").read_text() for pid in self.processes)
        return [int(re.search(rf"{line}:\s+(\d+)", text)[1]) * 1024 for text in texts]  # type: ignore[index]

    def __enter__(self) -> Observer:
        for pid in self.processes:
            Path(f"/proc/{pid}/clear_refs").write_text("5")  # the peak begins anew
        self.before = self.memory("VmRSS")
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stopped.set()
        self._thread.join()
        self.growth = max(peak - before for peak, before in zip(self.memory("VmHWM"), self.before, strict=True))


def send(host: str, method: str, path: str, headers: dict[str, str], body: bytes) -> tuple[int, bytes]:
    """Send a request. A server that refuses a body unread may close the connection: status 0."""
    connection = http.client.HTTPConnection(host, timeout=60)
    try:
        connection.request(method, path, body, headers)
        response = connection.getresponse()
        return response.status, response.read()
    except (ConnectionError, http.client.RemoteDisconnected):
        return 0, b""
    finally:
        connection.close()


def run(shop: LoadShop, attack: Attack) -> tuple[Counter[int], Observer]:
    """Send every request of an attack, seventeen at a time."""
    rounds = max(ROUNDS, -(-2 * AT_ONCE // len(attack.requests)))
    with Observer(shop) as observer, ThreadPoolExecutor(AT_ONCE) as pool:
        sent = [
            pool.submit(send, observer.host, "POST", path, {"Content-Type": kind, **attack.headers}, body)
            for path, kind, body in attack.requests * rounds
        ]
        return Counter(answer.result()[0] for answer in sent), observer


def uploads(shop: LoadShop) -> Iterator[Attack]:
    """Pictures from an account with a proved address."""
    reference = accounts.open_session(make_account().id, "a browser")
    cookie = cookie_of(shop.app, _user_id=reference, csrf_token="0" * 40)
    host = urlsplit(shop.live.origin).netloc
    status, page = send(host, "GET", "/account/profile", {"Cookie": cookie}, b"")
    assert status == 200
    token = re.search(rb'name="csrf_token" value="([^"]*)"', page)
    assert token is not None
    field_part = b'--x\r\nContent-Disposition: form-data; name="csrf_token"\r\n\r\n' + token[1] + b"\r\n"
    headers = {"Cookie": cookie, "Origin": shop.live.origin}
    bodies = [field_part + file_part(content, "picture") for content in (jpeg_with_scans(2_000), photo(5_000, 5_000))]
    attack, use = ([("/account/avatar", PARTS, body)] for body in bodies)
    yield Attack("a JPEG of 2,000 scans, signed in", attack, headers)
    # No attack: pictures that the shop takes, of which the rate limit, off here, allows twenty a minute.
    yield Attack("a JPEG of 25 megapixels, taken, signed in", use, headers, max_health=3.0)


def test_costly_requests_hold_neither_the_shop_nor_its_memory(tmp_path: Path) -> None:
    """B1, B2: the figures in docs/security.md."""
    with open_load_shop("sqlite", tmp_path) as shop, shop.app.app_context():
        send(urlsplit(shop.live.origin).netloc, "GET", "/", {}, b"")
        wrong = []
        for attack in [*anonymous_attacks(), *uploads(shop)]:
            answers, observer = run(shop, attack)
            figures = f"{observer.growth / 2**20:.0f} MB, /health {observer.slowest:.2f} s"
            print(f"\n{attack.name}: {dict(sorted(answers.items()))}, {figures}", end="")
            if observer.slowest > attack.max_health or observer.growth > MAX_GROWTH:
                wrong.append(f"{attack.name}: {figures}")
        assert wrong == []
