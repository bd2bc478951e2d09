"""The small files that browsers and people try without being told."""

from __future__ import annotations

import io
from datetime import datetime, timedelta

import pytest
from flask import Flask
from PIL import Image

from tests.conftest import NOON
from tests.factories.accounts import make_account
from tests.page_client import Pages


@pytest.mark.parametrize(
    ("url", "mimetype", "sizes"),
    [
        ("/favicon.ico", "image/vnd.microsoft.icon", {(16, 16), (32, 32), (48, 48)}),
        ("/apple-touch-icon.png", "image/png", {(180, 180)}),
    ],
)
def test_icons_are_pictures_and_kept_long(pages: Pages, url: str, mimetype: str, sizes: set[tuple[int, int]]) -> None:
    response = pages.client.get(url)
    assert (response.status_code, response.mimetype) == (200, mimetype)
    with Image.open(io.BytesIO(response.data)) as icon:
        assert set(icon.info.get("sizes", [icon.size])) == sizes
    assert len(response.data) < 4096
    assert response.headers["Cache-Control"] == "public, max-age=2592000"
    assert "Cookie" not in response.vary
    assert pages.client.get(url, headers={"If-None-Match": response.headers["ETag"]}).status_code == 304


def test_the_manifest_names_the_shop_and_icons_that_are_there(pages: Pages) -> None:
    link = pages.get("/").one('link[rel="manifest"]')
    response = pages.client.get(str(link["href"]))
    assert response.mimetype == "application/manifest+json"
    manifest = response.json
    assert manifest is not None
    assert (manifest["name"], manifest["start_url"]) == ("marigold", "/")
    for icon in manifest["icons"]:
        with pages.client.get(icon["src"]) as found, Image.open(io.BytesIO(found.data)) as picture:
            assert "{}x{}".format(*picture.size) == icon["sizes"]


def test_the_policy_lets_the_manifest_in(pages: Pages) -> None:
    assert "manifest-src 'self'" in pages.get("/").response.headers["Content-Security-Policy"]


def test_security_txt_says_whom_to_write_to(app: Flask, pages: Pages, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(app.config, "SHOP_MAIL", "hello@shop.example")
    response = pages.client.get("/.well-known/security.txt")
    assert (response.status_code, response.mimetype) == (200, "text/plain")
    fields = dict(line.split(": ", 1) for line in response.text.splitlines())
    assert fields["Contact"] == "mailto:hello@shop.example"
    assert fields["Canonical"] == f"{app.config['PUBLIC_ORIGIN']}/.well-known/security.txt"
    assert NOON + timedelta(days=30) < datetime.fromisoformat(fields["Expires"]) < NOON + timedelta(days=365)


def test_a_shop_whose_mail_goes_nowhere_has_no_security_txt(pages: Pages) -> None:
    assert pages.client.get("/.well-known/security.txt").status_code == 404


def test_keepers_of_passwords_are_led_to_where_one_is_changed(pages: Pages) -> None:
    response = pages.client.get("/.well-known/change-password")
    assert (response.status_code, response.headers["Location"]) == (303, "/account/security/password")
    pages.sign_in(make_account())
    assert pages.get("/.well-known/change-password").url == "/account/security/password"
