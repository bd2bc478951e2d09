"""Uploaded images at content-addressed URLs, and their markup on pages."""

from __future__ import annotations

import io

import pytest
from PIL import Image as Pillow

from storefront.catalog import listing, media
from storefront.catalog.media import gallery
from storefront.catalog.values import ProductCard
from storefront.web import session as web_session
from tests.factories.catalog import make_product
from tests.factories.shopping import make_cart, make_order
from tests.hostile_files import picture
from tests.page_client import Pages
from tests.page_openers import remember


def with_picture(size: tuple[int, int] = (1600, 1200), *, brand: str = "Kiln") -> ProductCard:
    mug = make_product(brand=brand)
    media.add_picture(mug.id, picture("JPEG", size), "A blue mug")
    return listing.cards_of([mug.id])[0]


def addresses(mug: ProductCard) -> list[str]:
    assert mug.picture is not None
    return [address for address, _ in mug.picture.sources]


def test_every_width_is_served_and_cached_forever(pages: Pages) -> None:
    for address, width in zip(addresses(with_picture()), (320, 640, 1280), strict=True):
        shown = pages.client.get(address)
        assert (shown.status_code, shown.mimetype) == (200, "image/webp")
        assert Pillow.open(io.BytesIO(shown.data)).width == width
        assert shown.headers["Cache-Control"] == "public, max-age=31536000, immutable"
        assert shown.headers["X-Content-Type-Options"] == "nosniff"
        assert shown.headers["Cross-Origin-Resource-Policy"] == "cross-origin"
        assert "Set-Cookie" not in shown.headers
        assert "Cookie" not in shown.headers.get("Vary", "")


def test_a_cached_image_is_not_sent_again(pages: Pages) -> None:
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
def test_invalid_names_are_not_found(pages: Pages, path: str) -> None:
    response = pages.client.get(f"/media/{path}")
    assert response.status_code == 404
    assert "immutable" not in response.headers.get("Cache-Control", "")


def test_other_widths_and_the_original_are_not_served(pages: Pages) -> None:
    address = addresses(with_picture())[0]
    assert pages.client.get(address.replace("-320", "-321")).status_code == 404
    assert pages.client.get(address.replace("-320.webp", ".jpeg")).status_code == 404


def test_the_api_serves_the_same_image(pages: Pages) -> None:
    mug = with_picture((1500, 1000))
    url = pages.client.get(f"/api/products/{mug.id}").json["imageUrls"][0]
    shown = pages.client.get(url.removeprefix("http://localhost:9090"))
    assert shown.mimetype == "image/jpeg"
    assert Pillow.open(io.BytesIO(shown.data)).size == (1500, 1000)


# ------------------------------------------------------------------------------------------ on the pages


def test_a_card_has_srcset_and_sizes(pages: Pages) -> None:
    mug = with_picture(brand="Zebra")
    card = pages.get("/products?brand=Zebra").one(f"#grid-{mug.id} img")
    assert card["srcset"] == ", ".join(f"{a} {w}w" for a, w in zip(addresses(mug), (320, 640, 1280), strict=True))
    assert "387px" in card["sizes"]  # 4:3 fills a square tile of 290
    assert (card["src"], card["width"], card["height"]) == (addresses(mug)[-1], "1280", "960")
    assert card["alt"] == "A blue mug"
    assert "loading" not in card.attrs  # above the fold
    assert "tile--photo" in pages.get("/products?brand=Zebra").one(f"#grid-{mug.id} .tile")["class"]


def test_images_further_down_are_lazy(pages: Pages) -> None:
    pictures = pages.get("/products").all(".cards img")
    assert ["loading" in shown.attrs for shown in pictures[:6]] == [False] * 4 + [True] * 2


def test_a_product_page_loads_the_first_image_eagerly_and_has_thumbnails(pages: Pages) -> None:
    mug = with_picture()
    media.add_picture(mug.id, picture("PNG", (500, 500)), "Its handle")
    page = pages.get(f"/product/{mug.id}-{mug.slug}")
    first, second = page.all(".gallery__picture img")
    assert (first["fetchpriority"], "loading" in first.attrs) == ("high", False)
    assert (second["loading"], second["alt"]) == ("lazy", "Its handle")
    assert [link["href"] for link in page.all("a.gallery__picture")] == [first["src"], second["src"]]  # the full size
    small = page.all(".gallery__thumb img")
    assert [shown["alt"] for shown in small] == ["Image 1: A blue mug", "Image 2: Its handle"]
    assert [link["href"] for link in page.all(".gallery__thumb")] == ["#picture-1", "#picture-2"]
    assert small[1]["sizes"] == "72px"


def test_a_cart_line_shows_the_image(pages: Pages) -> None:
    mug = with_picture()
    token = make_cart((mug, 1))
    with pages.client.session_transaction() as session:
        session[web_session.CART] = token
    shown = pages.get("/cart").one(".cart-line img")
    assert shown["srcset"].startswith(addresses(mug)[0])


def test_an_illustration_of_the_demo_shop_has_one_size(pages: Pages) -> None:
    shown = pages.get("/product/5-nike-air-max-270").all(".gallery__picture img")[0]
    assert "srcset" not in shown.attrs
    assert shown["src"].startswith("/static/vendor/fluent-emoji-3d/")
    assert shown.parent is not None
    assert shown.parent.name == "div"  # there is no larger one


def test_an_order_shows_the_thumbnail_of_a_removed_image(pages: Pages) -> None:
    mug = with_picture()
    order = make_order((mug, 1))
    (kept,) = gallery.pictures_of(mug.id)
    gallery.remove(mug.id, kept.id, actor="clerk")
    remember(pages, **{web_session.ORDERS: [order.id]})
    shown = pages.get(f"/orders/{order.id}").one("#items img")
    assert shown["src"] == addresses(mug)[0]
    assert pages.client.get(str(shown["src"])).status_code == 200
