"""The one door for request bodies: every route, by what it reads and decodes before anybody is known."""

from __future__ import annotations

import io
import json
from collections.abc import Iterator
from typing import Any

import pytest
from flask import Flask
from werkzeug.exceptions import RequestEntityTooLarge
from werkzeug.routing import Rule
from werkzeug.test import TestResponse

from storefront.accounts.values import Role
from storefront.core.waiting_line import WaitingLine
from storefront.web import request_body
from storefront.web.request_body import (
    LARGE,
    MAX_FORM_FIELDS,
    MAX_JSON_DEPTH,
    MAX_JSON_VALUES,
    BodyTooDeep,
    decode_json,
)
from storefront.web.route_options import options_of
from tests.factories.accounts import make_account, make_staff
from tests.forms import HTMX
from tests.page_client import SAME_ORIGIN, Pages

JSON, FORM, PARTS = "application/json", "application/x-www-form-urlencoded", "multipart/form-data; boundary=x"
FIVE_MB = 5 * 2**20


def file_part(content: bytes, field: str = "file") -> bytes:
    head = f'--x\r\nContent-Disposition: form-data; name="{field}"; filename="a.png"\r\n\r\n'
    return head.encode() + content + b"\r\n--x--\r\n"


def parts(count: int) -> bytes:
    return b'--x\r\nContent-Disposition: form-data; name="a"\r\n\r\nv\r\n' * count + b"--x--\r\n"


# Each is refused by what it costs; those of megabytes are not even read.
COSTLY: dict[str, tuple[str, bytes]] = {
    "deep JSON": (JSON, b"[" * (MAX_JSON_DEPTH + 1) + b"]" * (MAX_JSON_DEPTH + 1)),
    "wide JSON": (JSON, b"[" + b"1," * MAX_JSON_VALUES + b"1]"),
    "a wide form": (FORM, b"a=1&" * MAX_FORM_FIELDS + b"a=1"),
    "a form of many parts": (PARTS, parts(1001)),
    "5 MB of JSON": (JSON, b" " * FIVE_MB),
    "a file of 5 MB": (PARTS, file_part(bytes(FIVE_MB))),
}


class CountedBody(io.BytesIO):
    """A body that counts what is read of it."""

    count = 0

    def read(self, size: int | None = -1, /) -> bytes:
        content = super().read(size)
        self.count += len(content)
        return content

    def readinto(self, buffer: Any, /) -> int:
        size = super().readinto(buffer)
        self.count += size
        return size


def send(client: Any, method: str, path: str, kind: str, body: bytes, **headers: str) -> tuple[TestResponse, int]:
    """Send a body.

    :return: the response, and the bytes that were read
    """
    stream = CountedBody(body)
    with client.application.app_context():  # of its own, as a server has it
        response = client.open(
            path,
            method=method,
            input_stream=stream,
            headers={**SAME_ORIGIN, "Content-Length": str(len(body)), **headers},
            content_type=kind,
        )
    response.get_data()
    response.close()
    return response, stream.count


def requests(app: Flask) -> Iterator[tuple[str, str, Rule]]:
    """Method and path of every route, with something for each of its parameters."""
    for rule in app.url_map.iter_rules():
        converters = rule._converters
        values = {name: next(iter(getattr(converters[name], "items", [1]))) for name in rule.arguments}
        path = app.url_map.bind("localhost").build(rule.endpoint, values)
        for method in sorted((rule.methods or set()) - {"HEAD", "OPTIONS"}):
            yield method, path, rule


def test_no_route_decodes_a_costly_body_of_somebody_unknown(app: Flask) -> None:
    """B1: every route, also one that was added today: refused with 413, or by its guard, and little or nothing read."""
    client, wrong, count = app.test_client(), [], 0
    for method, path, rule in requests(app):
        takes_files = options_of(app, rule.endpoint).max_upload is not None
        for name, (kind, body) in COSTLY.items():
            if method == "GET" and name not in {"deep JSON", "a file of 5 MB"}:
                continue
            response, read = send(client, method, path, kind, body, **HTMX)  # whose pages are short
            expected = {204, 401} if takes_files and kind == PARTS else {400 if name == "deep JSON" else 413}
            may_read = 0 if len(body) >= FIVE_MB or 401 in expected else len(body)
            if response.status_code not in expected or read > may_read:
                wrong.append(f"{method} {path}, {name}: {response.status_code}, {read} bytes read")
            count += 1
    assert count > 500
    assert wrong == []


def test_every_route_for_uploads_has_a_guard(app: Flask) -> None:
    """B1: without one its larger limit does not apply; who may upload is known before the body is read."""
    uploads = {
        rule.endpoint for rule in app.url_map.iter_rules() if options_of(app, rule.endpoint).max_upload is not None
    }
    assert len(uploads) >= 4
    assert {endpoint for endpoint in uploads if options_of(app, endpoint).guard is None} == set()


def test_who_may_not_upload_is_refused_unread(app: Flask, pages: Pages) -> None:
    """B1: a customer at the staff's upload; B2: an account that is not verified."""
    pages.sign_in(make_account())
    response, read = send(pages.client, "POST", "/staff/products/1/pictures", *COSTLY["a file of 5 MB"])
    assert (response.status_code, read) == (403, 0)
    unverified = Pages(app)
    unverified.sign_in(make_account(verified=False))
    response, read = send(unverified.client, "POST", "/account/avatar", *COSTLY["a file of 5 MB"])
    assert (response.status_code, read) == (303, 0), response.text
    assert response.headers["Location"] == "/account/profile"
    page = unverified.get("/account/profile")
    assert "Verify your e-mail address or phone number first" in page.words
    assert not page.all("form[action$=avatar]")


# ------------------------------------------------------------------------------------------------- JSON


@pytest.mark.parametrize(
    "text",
    [
        "[" * MAX_JSON_DEPTH + "]" * MAX_JSON_DEPTH,
        '{"a":' * MAX_JSON_DEPTH + "1" + "}" * MAX_JSON_DEPTH,
        "[" + ",".join(["[[[]],{}]"] * 1000) + "]",
        "[" + ",".join("1" * (MAX_JSON_VALUES - 1)) + "]",
        json.dumps("[{,\\" * 5000),
        json.dumps({"a": "[" * 9000, "\\": '"'}),
    ],
    ids=["deep", "objects", "pyramids", "wide", "brackets in a string", "quotes in a string"],
)
def test_json_within_its_limits_is_decoded(text: str) -> None:
    assert decode_json(text.encode()) == json.loads(text, parse_int=str, object_pairs_hook=tuple)
    assert decode_json(text.encode("utf-16")) == decode_json(text.encode())


@pytest.mark.parametrize(
    "text",
    [
        "[" * (MAX_JSON_DEPTH + 1) + "]" * (MAX_JSON_DEPTH + 1),
        '[{"a":' * 33 + "1" + "}]" * 33,
        "[" + "[]," * 2000 + "[" * 70 + "]" * 70 + "]",
        "[" + "[]," * MAX_JSON_VALUES + "1]",
        "{" + '"a":1,' * MAX_JSON_VALUES + '"a":1}',
    ],
    ids=["deep", "objects in lists", "deep among many", "wide", "many names"],
)
def test_json_beyond_its_limits_is_refused_before_decoding(text: str) -> None:
    with pytest.raises((RequestEntityTooLarge, BodyTooDeep)):
        decode_json(text.encode())


@pytest.mark.parametrize("text", ["[" * 60, "[" * 50 + "]" * 49, '"' * 9999, '{"a": "\\', "]" * 9000, ""])
def test_what_is_not_json_says_so(text: str) -> None:
    with pytest.raises(ValueError):  # noqa: PT011 - of whichever decoder finds it
        decode_json(text.encode())


def test_an_unknown_name_for_each_value_gets_a_bounded_answer(app: Flask) -> None:
    """B1: the answer names a hundred problems, not ten thousand."""
    body = json.dumps({f"name{n}": n for n in range(MAX_JSON_VALUES - 1)})
    response = app.test_client().post("/auth/login", data=body, content_type=JSON, headers=SAME_ORIGIN)
    assert response.status_code == 400
    assert len(response.json["error"]["details"]) <= 100


# ------------------------------------------------------------------------------------------------- limits named


@pytest.mark.parametrize("htmx", [False, True], ids=["page", "htmx"])
@pytest.mark.parametrize(
    ("kind", "body", "limit"),
    [
        (FORM, b"a=" + b"x" * 300_000, "256 kB"),
        (FORM, COSTLY["a wide form"][1], "5,000 fields"),
        (PARTS, parts(1001), "256 kB of text and 1,000 fields"),
        (PARTS, file_part(bytes(2_000_000)), "256 kB"),
    ],
    ids=["form", "fields", "parts", "file"],
)
def test_a_form_that_is_too_large_is_told_the_limit(app: Flask, kind: str, body: bytes, limit: str, htmx: bool) -> None:
    """D12"""
    response, _ = send(app.test_client(), "POST", "/track", kind, body, **(HTMX if htmx else {}))
    assert response.status_code == 413
    assert "Request too large" in response.text
    assert f"The limit is {limit}." in response.text


@pytest.mark.parametrize(("name", "limit"), [("5 MB of JSON", "256 kB"), ("wide JSON", "10,000 values")])
def test_json_that_is_too_large_is_told_the_limit(app: Flask, name: str, limit: str) -> None:
    """D12"""
    response, _ = send(app.test_client(), "POST", "/auth/login", *COSTLY[name])
    assert (response.status_code, response.json["error"]["code"]) == (413, "PAYLOAD_TOO_LARGE")
    assert response.json["message"].endswith(f"The limit is {limit}.")


@pytest.mark.parametrize(
    ("path", "limit"),
    [
        ("/account/avatar", "5 MB"),
        ("/staff/products/1/pictures", "50 MB"),
        ("/staff/stock/imports", "8 MB"),
        ("/api/products/1/image", "5 MB"),
    ],
)
def test_an_upload_that_is_too_large_is_told_the_limit(pages: Pages, path: str, limit: str) -> None:
    """D12: on every route that takes one; nothing of it is read."""
    pages.sign_in(make_staff(Role.ADMIN))
    response, read = send(pages.client, "POST", path, PARTS, file_part(bytes(52 * 2**20)))
    assert (response.status_code, read) == (413, 0)
    assert f"The limit is {limit}." in response.text


# ------------------------------------------------------------------------------------------------- few at a time


def test_large_bodies_are_few_at_a_time_and_health_answers(app: Flask, monkeypatch: pytest.MonkeyPatch) -> None:
    """B1, B2: the threads of a process are not all busy with them; whoever comes too late is told when to come."""
    line = WaitingLine(at_once=1, waiting=0, seconds=0)
    monkeypatch.setattr(request_body, "_large_bodies", line)
    client, large = app.test_client(), b" " * LARGE
    with line.place():
        for path, header in (("/auth/login", "5"), ("/track", "5")):
            response, read = send(client, "POST", path, JSON, large)
            assert (response.status_code, read) == (503, 0), header
            assert int(response.headers["Retry-After"]) > 0
        assert client.get("/health").status_code == 200
        assert send(client, "POST", "/auth/login", JSON, b"{}")[0].status_code == 400
    for path in ("/auth/login", "/track", "/nothing", "/cart/lines", "/products"):
        assert send(client, "POST", path, JSON, large)[0].status_code != 503  # each gave its place back
