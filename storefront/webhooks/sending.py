"""One delivery by HTTP: to a checked address, within a bounded time.

`http.client` on a socket of our own, because requests and urllib3 look the host name up again when they connect, and
bound each wait for data but not the whole exchange.
"""

from __future__ import annotations

import http.client
import socket
import ssl
import threading
import time
from collections.abc import Mapping, Sequence
from contextlib import closing, suppress
from dataclasses import dataclass
from functools import lru_cache

from storefront.webhooks import addresses
from storefront.webhooks.addresses import Target
from storefront.webhooks.values import UrlProblem, UrlRefused

CONNECT_SECONDS = 5.0
TOTAL_SECONDS = 15.0  # from the first connection to the last byte read
MAX_ANSWER_BYTES = 4096

REFUSALS = {
    UrlProblem.INVALID: "the URL is not valid",
    UrlProblem.NOT_HTTPS: "the URL must begin with https://",
    UrlProblem.CREDENTIALS: "the URL holds a user name or password",
    UrlProblem.UNKNOWN_HOST: "the host name was not found",
    UrlProblem.PRIVATE: "the host has a private address",
}


@dataclass(frozen=True, slots=True)
class Answer:
    """What came of one attempt.

    :ivar status: HTTP status; None if none was received
    :ivar error: why it failed; empty if it did not
    :ivar text: the beginning of the body
    :ivar retry_after: seconds that the receiver asks to wait, by its header; None if it does not
    """

    status: int | None
    error: str
    text: str
    duration_ms: int
    retry_after: int | None = None

    @property
    def is_success(self) -> bool:
        """Whether the receiver took it. A redirect is none: it is not followed."""
        return self.status is not None and http.HTTPStatus.OK <= self.status < http.HTTPStatus.MULTIPLE_CHOICES


def post(url: str, headers: Mapping[str, str], body: bytes) -> Answer:
    """Send one request; whatever goes wrong is in the answer."""
    began = time.monotonic()

    def answer(status: int | None, error: str, text: str = "", retry_after: int | None = None) -> Answer:
        return Answer(status, error, text, round((time.monotonic() - began) * 1000), retry_after)

    try:
        target = addresses.parse(url)
        response, text = _exchange(target, addresses.resolve(target), headers, body)
    except UrlRefused as refused:
        return answer(None, REFUSALS[refused.problem])
    except (OSError, http.client.HTTPException) as error:
        return answer(None, _words_of(error))
    return answer(response.status, _problem_of(response.status), text, _retry_after(response))


def _exchange(
    target: Target, reachable: Sequence[str], headers: Mapping[str, str], body: bytes
) -> tuple[http.client.HTTPResponse, str]:
    give_up_at = time.monotonic() + TOTAL_SECONDS
    with closing(_connect(target, reachable, give_up_at)) as connected:
        # A time-out of the socket would bound each wait for a byte only. This ends a handshake, a header or a body
        # that drips.
        is_late = threading.Event()
        watchdog = threading.Timer(max(0.0, give_up_at - time.monotonic()), _end, [connected, is_late])
        watchdog.daemon = True
        watchdog.start()
        try:
            response = _request(connected, target, headers, body)
            if is_late.is_set():  # http.client takes a header that was cut for a whole one
                raise TimeoutError
            return response, _beginning_of(response)
        except (OSError, http.client.HTTPException) as error:
            if is_late.is_set():
                raise TimeoutError from error
            raise
        finally:
            watchdog.cancel()


def _connect(target: Target, reachable: Sequence[str], give_up_at: float) -> socket.socket:
    """Connect to the first address that answers; https is not negotiated yet.

    :raise OSError: none answers
    """
    problem: OSError = TimeoutError()
    for address in reachable:
        remaining = give_up_at - time.monotonic()
        if remaining <= 0:
            break
        connected = socket.socket(socket.AF_INET6 if ":" in address else socket.AF_INET, socket.SOCK_STREAM)
        try:
            connected.settimeout(min(CONNECT_SECONDS, remaining))
            connected.connect((address, target.port))
            connected.settimeout(TOTAL_SECONDS)
        except OSError as error:
            connected.close()
            problem = error
            continue
        if target.scheme != "https":
            return connected
        return _tls().wrap_socket(connected, server_hostname=target.host, do_handshake_on_connect=False)
    raise problem


def _request(
    connected: socket.socket, target: Target, headers: Mapping[str, str], body: bytes
) -> http.client.HTTPResponse:
    if isinstance(connected, ssl.SSLSocket):
        connected.do_handshake()
    kind = http.client.HTTPSConnection if target.scheme == "https" else http.client.HTTPConnection
    connection = kind(target.host, target.port)
    connection.sock = connected
    connection.request("POST", target.path, body, dict(headers))
    return connection.getresponse()


def _beginning_of(response: http.client.HTTPResponse) -> str:
    try:
        return response.read(MAX_ANSWER_BYTES).decode(errors="replace")
    except (OSError, http.client.HTTPException):  # the status counts, whatever comes of the body
        return ""


def _end(connected: socket.socket, is_late: threading.Event) -> None:
    is_late.set()
    with suppress(OSError):  # it ended by itself just now
        socket.socket.shutdown(connected, socket.SHUT_RDWR)  # of the TCP connection: TLS would wait for its peer


@lru_cache(maxsize=1)
def _tls() -> ssl.SSLContext:
    """TLS with the certificates of the machine, or of SSL_CERT_FILE; host names are verified."""
    return ssl.create_default_context()


def _problem_of(status: int) -> str:
    if http.HTTPStatus.OK <= status < http.HTTPStatus.MULTIPLE_CHOICES:
        return ""
    if http.HTTPStatus.MULTIPLE_CHOICES <= status < http.HTTPStatus.BAD_REQUEST:
        return f"answered {status}: redirects are not followed"
    return f"answered {status}"


def _words_of(error: Exception) -> str:
    if isinstance(error, TimeoutError):
        return "no answer in time"
    if isinstance(error, ssl.SSLCertVerificationError):
        return f"the certificate was refused: {error.verify_message}"
    if isinstance(error, ConnectionRefusedError):
        return "the connection was refused"
    return f"{type(error).__name__}: {error}"


def _retry_after(response: http.client.HTTPResponse) -> int | None:
    """The seconds of a Retry-After header; a date, which few receivers send, does not count."""
    text = response.getheader("Retry-After", "").strip()
    return int(text) if text.isascii() and text.isdigit() and len(text) < 10 else None
