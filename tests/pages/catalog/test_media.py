"""The addresses of pictures that were sent: they name the content, so they are kept for good."""

from __future__ import annotations

import io

import pytest
from PIL import Image as Pillow

from storefront.catalog import service as catalog
from storefront.catalog.service import ProductCard, gallery
from storefront.web import session as web_session
from tests.factories.catalog import make_product
from tests.factories.shopping import make_cart, make_order
from tests.hostile_files import picture
from tests.page_client import Pages


def with_picture(size: tuple[int, int] = (1600, 1200), *, brand: str = "Kiln") -> ProductCard:
    mug = make_product(brand=brand)
    catalog.add_picture(mug.id, picture("JPEG", size), "A blue mug")
    return catalog.cards_of([mug.id])[0]


def addresses(mug: ProductCard) -> list[str]:
    assert mug.picture is not None
    return [address for address, _ in mug.picture.sources]


def test_every_width_is_shown_and_kept_for_good(pages: Pages) -> None:
    for address, width in zip(addresses(with_picture()), (320, 640, 1280), strict=True):
        shown = pages.client.get(address)
        assert (shown.status_code, shown.mimetype) == (200, "image/webp")
        assert Pillow.open(io.BytesIO(shown.data)).width == width
        assert shown.headers["Cache-Control"] == "public, max-age=31536000, immutable"
        assert shown.headers["X-Content-Type-Options"] == "nosniff"
        assert shown.headers["Cross-Origin-Resource-Policy"] == "cross-origin"
        assert "Set-Cookie" not in shown.headers
        assert "Cookie" not in shown.headers.get("Vary", "")


def test_who_has_it_is_not_sent_it_again(pages: Pages) -> None:
    address = addresses(with_picture())[0]
    etag = pages.client.get(address).headers["ETag"]
    again = pages.client.get(address, headers={"If-None-Match": etag})
    assert (again.status_code, again.data) == (304, b"")
    assert again.headers["Cache-Control"] == "public, max-age=31536000, immutable"


@pytest.mark.parametrize(
    "path",
    [
        "0" * 32 + "-320.webp",
        "../config.py",
        "..%2f..%2fetc%2fpasswd",
        "%2e%2e/config.py",
        "picture.webp",
        "0" * 32 + "-320.svg",
        "",
    ],
)
def test_what_is_no_picture_is_not_there(pages: Pages, path: str) -> None:
    response = pages.client.get(f"/media/{path}")
    assert response.status_code == 404
    assert "immutable" not in response.headers.get("Cache-Control", "")


def test_a_width_that_was_not_made_and_the_file_behind_it_are_not_there(pages: Pages) -> None:
    address = addresses(with_picture())[0]
    assert pages.client.get(address.replace("-320", "-321")).status_code == 404
    assert pages.client.get(address.replace("-320.webp", ".jpeg")).status_code == 404


def test_the_api_shows_the_same_picture(pages: Pages) -> None:
    mug = with_picture((1500, 1000))
    url = pages.client.get(f"/api/products/{mug.id}").json["imageUrls"][0]
    shown = pages.client.get(url.removeprefix("http://localhost:9090"))
    assert shown.mimetype == "image/jpeg"
    assert Pillow.open(io.BytesIO(shown.data)).size == (1500, 1000)


# ------------------------------------------------------------------------------------------ on the pages


def test_a_card_offers_its_widths_and_says_how_wide_it_is_drawn(pages: Pages) -> None:
    mug = with_picture(brand="Zebra")
    card = pages.get("/products?brand=Zebra").one(f"#grid-{mug.id} img")
    assert card["srcset"] == ", ".join(f"{a} {w}w" for a, w in zip(addresses(mug), (320, 640, 1280), strict=True))
    assert "387px" in card["sizes"]  # 4:3 fills a square tile of 290
    assert (card["src"], card["width"], card["height"]) == (addresses(mug)[-1], "1280", "960")
    assert card["alt"] == "A blue mug"
    assert "loading" not in card.attrs  # it is seen at once
    assert "tile--photo" in pages.get("/products?brand=Zebra").one(f"#grid-{mug.id} .tile")["class"]


def test_what_is_further_down_a_listing_is_loaded_when_it_is_near(pages: Pages) -> None:
    pictures = pages.get("/products").all(".cards img")
    assert ["loading" in shown.attrs for shown in pictures[:6]] == [False] * 4 + [True] * 2


def test_a_product_shows_its_first_picture_at_once_and_the_others_by_small_ones(pages: Pages) -> None:
    mug = with_picture()
    catalog.add_picture(mug.id, picture("PNG", (500, 500)), "Its handle")
    page = pages.get(f"/product/{mug.id}-{mug.slug}")
    first, second = page.all(".gallery__picture img")
    assert (first["fetchpriority"], "loading" in first.attrs) == ("high", False)
    assert (second["loading"], second["alt"]) == ("lazy", "Its handle")
    assert [link["href"] for link in page.all("a.gallery__picture")] == [first["src"], second["src"]]  # to look closer
    small = page.all(".gallery__thumb img")
    assert [shown["alt"] for shown in small] == ["Picture 1: A blue mug", "Picture 2: Its handle"]
    assert [link["href"] for link in page.all(".gallery__thumb")] == ["#picture-1", "#picture-2"]
    assert small[1]["sizes"] == "72px"


def test_a_line_of_the_cart_shows_it_too(pages: Pages) -> None:
    mug = with_picture()
    token = make_cart((mug, 1))
    with pages.client.session_transaction() as session:
        session[web_session.CART] = token
    shown = pages.get("/cart").one(".cart-line img")
    assert shown["srcset"].startswith(addresses(mug)[0])


def test_a_drawing_of_the_demo_shop_stays_as_it_is(pages: Pages) -> None:
    shown = pages.get("/product/5-nike-air-max-270").all(".gallery__picture img")[0]
    assert "srcset" not in shown.attrs
    assert shown["src"].startswith("/static/vendor/fluent-emoji-3d/")
    assert shown.parent is not None
    assert shown.parent.name == "div"  # there is no larger one


def test_an_order_goes_on_showing_it_small_after_it_was_taken_away(pages: Pages) -> None:
    mug = with_picture()
    order = make_order((mug, 1))
    (kept,) = gallery.pictures_of(mug.id)
    gallery.remove(mug.id, kept.id, actor="clerk")
    with pages.client.session_transaction() as session:
        session[web_session.ORDERS] = [order.id]
    shown = pages.get(f"/orders/{order.id}").one("#items img")
    assert shown["src"] == addresses(mug)[0]
    assert pages.client.get(str(shown["src"])).status_code == 200
