"""The old client's files at /app/: contract section 5.3 no. 5 and 13, section 7, case 59."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from flask import Flask
from werkzeug.test import Client, TestResponse

from tests.factories.accounts import make_account
from tests.isolated_shop import own_shop, shop_at
from tests.page_client import Pages

ORIGIN = "http://localhost:9090"
INDEX = b'<!doctype html>\n<html><head lang="en"><base href="/app/"></head><body><app-root></app-root></body></html>\n'
FILES = {
    "index.html": INDEX,
    "main-5KQZ3M2A.js": b"console.log(1)",
    "main.0123456789abcdef.js": b"console.log(2)",
    "main.js": b"console.log(3)",
    "hero-pictured.js": b"console.log(4)",
    "media/inter-ABCDEFG2.woff2": b"wOF2",
    "favicon.ico": b"icon",
    ".env": b"SECRET=1",
    "docs/index.html": b"another",
}


@pytest.fixture(scope="module")
def spa_shop(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Flask]:
    """A shop that serves a build of the client."""
    folder = tmp_path_factory.mktemp("spa")
    build = folder / "build"
    for name, content in FILES.items():
        path = build / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
    (folder / "secret.txt").write_text("outside")
    (build / "linked.txt").symlink_to(folder / "secret.txt")
    url = f"sqlite:///{folder}/{{schema}}.db"
    with own_shop("sqlite", folder), shop_at(url, folder, SPA_DIR=str(build)) as app:
        yield app


@pytest.fixture
def browser(spa_shop: Flask) -> Client:
    return spa_shop.test_client()


def get(browser: Client, path: str, *, origin: str = ORIGIN, **headers: str) -> TestResponse:
    answer = browser.get(path, base_url=origin, headers=headers)
    answer.get_data()
    answer.close()
    return answer


@pytest.mark.parametrize(
    "path", ["", "product/1", "products/", "profile?tab=orders", "checkout", "a/b/c", "index.html"]
)
def test_every_page_of_the_client_is_its_index(browser: Client, path: str) -> None:
    answer = get(browser, f"/app/{path}")
    assert (answer.status_code, answer.mimetype) == (200, "text/html")
    assert "<app-root>" in answer.text
    assert answer.headers["Cache-Control"] == "private, no-cache"
    assert get(browser, f"/app/{path}", **{"If-None-Match": answer.headers["ETag"]}).status_code == 304


def test_the_builds_own_bytes_are_all_there(browser: Client) -> None:
    head, tail = INDEX.split(b"<base", 1)
    told = get(browser, "/app/").data
    assert told.startswith(head + b'<meta name="storefront-user" content="">')
    assert told.endswith(b"<base" + tail)


def test_the_index_names_who_is_signed_in(spa_shop: Flask, browser: Client) -> None:
    pages = Pages(spa_shop)
    with spa_shop.app_context():
        account = make_account()
    anonymous = get(browser, "/app/").headers["ETag"]
    pages.sign_in(account)
    answer = get(pages.client, "/app/", **{"If-None-Match": anonymous})
    assert f'<meta name="storefront-user" content="{account.id}">' in answer.text
    assert "Cookie" in answer.vary


@pytest.mark.parametrize("name", ["main-5KQZ3M2A.js", "main.0123456789abcdef.js", "media/inter-ABCDEFG2.woff2"])
def test_files_with_a_hash_are_kept_for_good(browser: Client, name: str) -> None:
    answer = get(browser, f"/app/{name}")
    assert answer.data == FILES[name]
    assert answer.headers["Cache-Control"] == "public, max-age=31536000, immutable"
    assert "Cookie" not in answer.vary


@pytest.mark.parametrize("name", ["main.js", "hero-pictured.js", "favicon.ico"])
def test_files_without_one_are_asked_for_again(browser: Client, name: str) -> None:
    answer = get(browser, f"/app/{name}")
    assert (answer.data, answer.headers["Cache-Control"]) == (FILES[name], "no-cache")
    assert get(browser, f"/app/{name}", **{"If-None-Match": answer.headers["ETag"]}).status_code == 304


def test_a_script_is_called_one(browser: Client) -> None:
    answer = get(browser, "/app/main.js")
    assert answer.mimetype == "text/javascript"
    assert answer.headers["X-Content-Type-Options"] == "nosniff"


@pytest.mark.parametrize(
    "path",
    [
        "main-UNKNOWN2.js",
        "product/1.js",
        ".env",
        "..%2fsecret.txt",
        "%2e%2e/secret.txt",
        "....//secret.txt",
        "media/..%2f..%2fsecret.txt",
        "..%5csecret.txt",
        "%2fetc/hosts.txt",
        "linked.txt",
        "main.js%00.txt",
        "main.js/x.js",
        f"{'x' * 300}.js",
    ],
)
def test_what_is_no_file_of_the_build_is_not_there(browser: Client, path: str) -> None:
    answer = get(browser, f"/app/{path}")
    if answer.status_code == 308:  # slashes in a row
        answer = get(browser, answer.headers["Location"].removeprefix(ORIGIN))
    assert answer.status_code == 404
    assert "outside" not in answer.text
    assert "unsafe" not in answer.headers["Content-Security-Policy"]


@pytest.mark.parametrize("path", ["media", "docs", "docs/index.html", "%2e%2e", "..%2f"])
def test_a_folder_is_a_page_of_the_client(browser: Client, path: str) -> None:
    answer = get(browser, f"/app/{path}")
    assert answer.status_code in {200, 404}
    assert answer.status_code == 404 or "<app-root>" in answer.text


def test_without_its_slash_it_is_found_all_the_same(browser: Client) -> None:
    answer = get(browser, "/app")
    assert (answer.status_code, answer.headers["Location"]) == (302, f"{ORIGIN}/app/")


@pytest.mark.parametrize("other", ["http://127.0.0.1:9090", "http://localhost", "http://shop.example:9090"])
def test_under_any_other_name_it_leads_to_its_own(browser: Client, other: str) -> None:
    answer = get(browser, "/app/product/1?from=mail", origin=other)
    assert (answer.status_code, answer.headers["Location"]) == (302, f"{ORIGIN}/app/product/1?from=mail")
    assert get(browser, "/app", origin=other).headers["Location"] == f"{ORIGIN}/app"


def test_its_policy_lets_it_work_and_nothing_more(browser: Client) -> None:
    policy = get(browser, "/app/").headers["Content-Security-Policy"]
    told = dict(part.strip().split(" ", 1) for part in policy.split(";"))
    assert told["script-src"] == "'self' 'unsafe-hashes' 'sha256-MhtPZXr7+LpJUY5qtMutB+qWfQtMaPccfe7QXtCcEYc='"
    assert told["style-src"] == "'self' 'unsafe-inline' https://fonts.googleapis.com"
    assert "https://fonts.gstatic.com" in told["font-src"]
    assert (told["img-src"], told["connect-src"], told["base-uri"]) == ("'self' data: https:", "'self'", "'self'")
    assert (told["default-src"], told["frame-ancestors"], told["object-src"]) == ("'none'", "'none'", "'none'")
    assert "unsafe" not in get(browser, "/").headers["Content-Security-Policy"]


def test_a_shop_without_the_client_has_no_such_address(app: Flask) -> None:
    assert app.test_client().get("/app/").status_code == 404
