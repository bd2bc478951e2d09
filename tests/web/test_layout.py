"""The page layout: formatting filters, assets and their caching, links of the header."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path

import pytest
import rcssmin
from flask import Flask

from storefront.catalog.values import Picture
from storefront.core.money import Money
from storefront.web import layout
from tests.factories.accounts import make_staff
from tests.page_client import Pages

EMOJI = "vendor/fluent-emoji-3d/1f4f1.webp"


@pytest.fixture
def asked(app: Flask) -> Iterator[Flask]:
    """Within a request."""
    with app.test_request_context():
        yield app


@pytest.mark.parametrize(
    ("amount", "shown"),
    [
        ("0", "₹0"),
        ("599", "₹599"),
        ("349.25", "₹349.25"),
        ("1299.5", "₹1,299.50"),
        ("0.05", "₹0.05"),
        ("159298.82", "₹1,59,298.82"),
        ("12345678", "₹1,23,45,678"),
        ("-500", "-₹500"),
    ],
)
def test_amounts_are_grouped_as_in_india_and_whole_ones_have_no_decimals(asked: Flask, amount: str, shown: str) -> None:
    assert layout.money(Money.of(amount, "INR")) == shown


def test_amounts_follow_the_language_of_the_shop(asked: Flask, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(asked.config, "SHOP_LOCALE", "en_US")
    assert layout.money(Money.of("12345678.5", "USD")) == "$12,345,678.50"
    assert layout.money(Money.of("1234", "JPY")) == "¥1,234"


@pytest.mark.parametrize(("rate", "shown"), [("0.18", "18%"), ("0.125", "12.5%"), ("0", "0%"), ("0.0875", "8.75%")])
def test_rates_are_percentages(asked: Flask, rate: str, shown: str) -> None:
    assert layout.percent(Decimal(rate)) == shown


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        (date(2026, 11, 24), "Tue 24 Nov"),
        (date(2027, 1, 3), "Sun 3 Jan 2027"),
        (datetime(2026, 11, 24, 19, 0, tzinfo=UTC), "Wed 25 Nov"),  # past midnight in India
        (datetime(2026, 12, 31, 19, 0, tzinfo=UTC), "Fri 1 Jan 2027"),
    ],
)
def test_days_name_the_year_when_it_is_not_this_one(asked: Flask, value: date, shown: str) -> None:
    assert layout.day(value) == shown


def test_moments_are_in_the_zone_of_the_shop(asked: Flask) -> None:
    assert layout.moment(datetime(2026, 11, 24, 10, 35, tzinfo=UTC)) == "24 Nov 2026, 16:05"


@pytest.mark.parametrize(("count", "words"), [(0, "0 mugs"), (1, "1 mug"), (2, "2 mugs"), (1234, "1,234 mugs")])
def test_counts_have_their_plural(count: int, words: str) -> None:
    assert layout.plural(count, "mug") == words


def test_pictures_of_ours_are_hashed_and_others_left_alone(asked: Flask) -> None:
    assert re.fullmatch(rf"/static/{EMOJI}\?v=[0-9a-f]{{12}}", layout.picture_url(Picture(EMOJI, "A phone")))
    assert layout.picture_url(EMOJI) == layout.asset_url(EMOJI)
    assert layout.picture_url("https://pictures.example/mug.webp") == "https://pictures.example/mug.webp"


def test_the_stylesheet_of_shoppers_is_every_sheet_but_those_of_the_desks(pages: Pages) -> None:
    (link,) = pages.get("/").all("link[rel=stylesheet]")
    response = pages.client.get(str(link["href"]))
    assert response.mimetype == "text/css"
    assert response.text.startswith("@layer reset,tokens,")
    assert len(sheets_in(pages.app, response.text)) > 40
    assert not any("desk" in sheet.parts for sheet in sheets_in(pages.app, response.text))


def test_the_desks_have_a_second_stylesheet(pages: Pages) -> None:
    pages.sign_in(make_staff())
    first, second = pages.get("/staff/stock").all("link[rel=stylesheet]")
    texts = [pages.client.get(str(link["href"])).text for link in (first, second)]
    found = [sheets_in(pages.app, text) for text in texts]
    assert set(found[1]) == set((Path(str(pages.app.static_folder)) / "css" / "desk").glob("*.css"))
    assert set(found[0]) | set(found[1]) == set((Path(str(pages.app.static_folder)) / "css").rglob("*.css"))
    assert len(texts[1]) > 0.25 * len(texts[0]), "worth a request of its own"


def sheets_in(app: Flask, text: str) -> list[Path]:
    """The CSS files whose content a stylesheet has, minified."""
    sheets = (Path(str(app.static_folder)) / "css").rglob("*.css")
    return [sheet for sheet in sheets if rcssmin.cssmin(sheet.read_text()) in text]


def test_every_sheet_keeps_to_a_layer(app: Flask) -> None:
    root = Path(str(app.static_folder)) / "css"
    order = re.findall(r"[\w-]+", (root / "layers.css").read_text().removeprefix("@layer"))
    for sheet in root.rglob("*.css"):
        if sheet.name != "layers.css":
            layers = re.findall(r"^@layer ([\w-]+) \{", sheet.read_text(), re.MULTILINE)
            assert layers, sheet
            assert set(layers) <= set(order), sheet


@pytest.mark.parametrize("asset", ["link[rel=stylesheet]", "link[rel=icon]", "script[src]"])
def test_assets_are_kept_for_good_by_their_hash(pages: Pages, asset: str) -> None:
    for element in pages.get("/").all(asset):
        with pages.client.get(str(element.get("href") or element["src"])) as response:
            assert response.status_code == 200
            assert response.headers["Cache-Control"] == "public, max-age=31536000, immutable"
            assert "Cookie" not in response.vary
            assert "Set-Cookie" not in response.headers


def test_the_hash_of_an_asset_follows_its_content(tmp_path: Path) -> None:
    def stylesheet_hash() -> str:
        return layout.Assets(tmp_path).stylesheets["store"].digest

    (tmp_path / "css").mkdir()
    sheet = tmp_path / "css" / "base.css"
    sheet.write_text("a { color: red }")
    before = stylesheet_hash()
    assert stylesheet_hash() == before
    sheet.write_text("a { color: blue }")
    assert stylesheet_hash() != before


def test_a_stale_stylesheet_is_gone(pages: Pages) -> None:
    pages.get("/assets/store-0123456789ab.css", status=404)


def test_an_asset_asked_for_without_hash_is_not_kept_for_good(pages: Pages) -> None:
    with pages.client.get("/static/js/app.js") as response:
        assert "immutable" not in response.headers["Cache-Control"]


@pytest.mark.parametrize("path", ["../config.py", "%2e%2e/config.py", "css/../../config.py", "js/none.js"])
def test_nothing_outside_the_assets_is_given_out(pages: Pages, path: str) -> None:
    assert pages.client.get(f"/static/{path}").status_code == 404


def test_every_page_has_the_frame(pages: Pages) -> None:
    page = pages.get("/products")
    assert page.one(".skip-link")["href"] == "#main"
    departments = [link.get_text() for link in page.all(".departments-nav a")]
    assert departments == ["All products", "Electronics", "Fashion", "Home & Living", "Books", "Sports", "Beauty"]
    assert page.one('.departments-nav [aria-current="page"]').get_text() == "All products"
    assert page.one("#announcement")["role"] == "status"
    assert page.one("#cart-badge")["href"] == "/cart"


def test_the_sign_in_link_leads_back_to_the_page_but_not_to_a_sign_in_page(pages: Pages) -> None:
    link = "#header a[href^='/login']"
    assert pages.get("/cart").one(link)["href"] == "/login?next=/cart"
    for url in ("/login", "/register"):
        assert pages.get(url).one(link)["href"] == "/login"
