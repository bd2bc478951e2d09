"""The web server by itself: what it answers before the shop is reached."""

from __future__ import annotations

import http.client
import json
import socket
import sys
from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack, closing, contextmanager
from pathlib import Path

import pytest

from tests.live_server import Program, inherited_environment
from tests.run import free_port

DEPLOY = str(Path(__file__).parents[2] / "deploy")
# A shop of a few lines, so that starting it takes no time, and a shorter wait for the heads of requests.
APPLICATION = """
import os

def app(environ, start_response):
    start_response("200 OK", [("Content-Type", "text/plain"), ("X-Process", str(os.getpid()))])
    return [f"{environ['SCRIPT_NAME']}|{environ['PATH_INFO']}".encode()]
"""
SETTINGS = """
import runpy, gunicorn_worker
gunicorn_worker.HEAD_SECONDS = 0.2
gunicorn_worker.YIELD_SECONDS, gunicorn_worker.MAX_YIELD_SECONDS = 0.02, 0.1  # on a busy machine, too
globals().update({name: value for name, value in runpy.run_path("deploy/gunicorn.conf.py").items() if name[0] != "_"})
"""


@pytest.fixture(scope="module")
def port(tmp_path_factory: pytest.TempPathFactory) -> Iterator[int]:
    with server(tmp_path_factory.mktemp("server"), workers=1) as port:
        yield port


@contextmanager
def server(folder: Path, *, workers: int) -> Iterator[int]:
    """Serve the small shop.

    :return: its port
    """
    port = free_port()
    (folder / "tiny.py").write_text(APPLICATION)
    (folder / "settings.py").write_text(SETTINGS)
    command = [sys.executable, "-m", "gunicorn", "--config", str(folder / "settings.py"), "--pythonpath", str(folder)]
    command += ["--bind", f"127.0.0.1:{port}", "--workers", str(workers), "--threads", "2", "tiny:app"]
    program = Program(
        "server", command, inherited_environment() | {"PYTHONPATH": DEPLOY}, folder / "log", lambda: is_up(port)
    )
    program.start()
    try:
        yield port
    finally:
        program.stop()


def is_up(port: int) -> bool:
    try:
        return ask(port, "/")[0] == 200
    except OSError:
        return False


def ask(port: int, path: str, **headers: str) -> tuple[int, str, str]:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
    try:
        connection.request("GET", path, headers=headers)
        answer = connection.getresponse()
        return answer.status, answer.headers.get_content_type(), answer.read().decode()
    finally:
        connection.close()


def test_no_header_moves_the_shop_to_another_path(port: int) -> None:
    """B9: SCRIPT_NAME and PATH_INFO of a peer on this machine are not believed."""
    assert ask(port, "/cart", SCRIPT_NAME="/evil", PATH_INFO="/other")[::2] == (200, "|/cart")


def test_a_request_line_of_five_kilobytes_reaches_the_shop_and_a_longer_one_is_refused_in_json(port: int) -> None:
    """B9"""
    assert ask(port, "/api/products?q=" + "x" * 5000)[0] == 200
    status, kind, body = ask(port, "/api/products?q=" + "4242" * 2500)
    assert (status, kind, json.loads(body)["error"]["code"]) == (414, "application/json", "URI_TOO_LONG")
    assert "4242" not in body


def test_headers_that_are_too_large_and_no_http_are_refused_in_json(port: int) -> None:
    """B9"""
    status, kind, _ = ask(port, "/", Cookie="x" * 70_000)
    assert (status, kind) == (431, "application/json")
    with socket.create_connection(("127.0.0.1", port)) as connection:
        connection.sendall(b"4242424242424242\r\n\r\n")
        answer = connection.makefile("rb").read().decode()
    assert answer.startswith("HTTP/1.1 400 ")
    assert json.loads(answer.partition("\r\n\r\n")[2])["status"] == "error"
    assert "4242" not in answer


def test_half_sent_requests_do_not_keep_the_threads(port: int) -> None:
    """B9: more of them than there are threads; each is ended after its time, and the next request is answered."""
    halves = [socket.create_connection(("127.0.0.1", port)) for _ in range(6)]
    for half in halves:
        half.sendall(b"GET / HTTP/1.1\r\nHost: x\r\n")
    assert ask(port, "/")[0] == 200
    for half in halves:
        half.close()


def test_connections_that_stay_open_are_shared_by_all_processes(tmp_path: Path) -> None:
    with server(tmp_path, workers=2) as port, ExitStack() as connections:
        served: Counter[str] = Counter()
        for number in range(1, 17):
            connection = connections.enter_context(closing(http.client.HTTPConnection("127.0.0.1", port)))
            connection.request("GET", "/")
            answer = connection.getresponse()
            answer.read()
            served[str(answer.headers["X-Process"])] += 1
            assert max(served.values()) <= number // 2 + 1, served
