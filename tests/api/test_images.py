"""Product images by API: uploaded by staff, served to everyone; contract case 56."""

from __future__ import annotations

import io
import re

import pytest
from PIL import Image as Pillow
from werkzeug.datastructures import FileStorage
from werkzeug.test import TestResponse, encode_multipart

from storefront.catalog.models import Image
from storefront.db.session import transaction
from tests.api.client import Api, assert_refused
from tests.factories.catalog import make_product
from tests.hostile_files import REFUSED, picture
from tests.page_client import Pages


def send(api: Api, product: int, content: bytes, name: str = "mug.png", **fields: str) -> TestResponse:
    data = {"file": FileStorage(io.BytesIO(content), name, content_type="image/png"), **fields}
    boundary, form = encode_multipart(data)
    kind = f"multipart/form-data; boundary={boundary}"
    return api.post(f"/api/products/{product}/image", data=form, content_type=kind)


def add_row(product: int, source: str) -> int:
    with transaction("catalog") as session:
        row = Image(product_id=product, image_url=source)
        session.add(row)
        session.flush()
        return row.id


def test_an_uploaded_image_is_served_at_its_url(api: Api, stock_keeper: Api) -> None:
    mug = make_product().id
    sent = send(stock_keeper, mug, picture("JPEG"), "mug.png", altText="A blue mug")
    assert (sent.status_code, sent.json) == (200, "Image uploaded successfully")
    place = re.fullmatch(r"http://localhost:9090(/api/products/image/\d+)", sent.headers["Location"])
    assert place is not None
    assert api.get(f"/api/products/{mug}").json["imageUrls"] == [sent.headers["Location"]]
    for path in (place[1], place[1] + "/", place[1].removeprefix("/api")):
        shown = api.get(path)
        assert (shown.status_code, shown.mimetype) == (200, "image/jpeg")  # by its bytes, not by its name
        assert Pillow.open(io.BytesIO(shown.data)).size == (40, 30)
        assert shown.headers["Cache-Control"] == "public, max-age=31536000, immutable"
        assert shown.headers["X-Content-Type-Options"] == "nosniff"
        assert shown.headers["Cross-Origin-Resource-Policy"] == "cross-origin"
        assert api.get(path, headers={"If-None-Match": shown.headers["ETag"]}).status_code == 304


def test_an_uploaded_image_is_on_the_product_page(stock_keeper: Api, pages: Pages) -> None:
    mug = make_product()
    send(stock_keeper, mug.id, picture(), altText="A blue mug")
    page = pages.get(f"/product/{mug.id}-{mug.slug}")
    source = str(page.one("#picture-1 img")["src"])
    assert page.one("#picture-1 img")["alt"] == "A blue mug"
    assert pages.client.get(source).mimetype == "image/webp"


def test_the_same_image_uploaded_twice_has_one_url(stock_keeper: Api) -> None:
    mug = make_product().id
    first, second = (send(stock_keeper, mug, picture()) for _ in range(2))
    assert first.headers["Location"] == second.headers["Location"]


@pytest.mark.parametrize("name", REFUSED)
def test_a_file_that_is_no_image_is_refused(stock_keeper: Api, name: str) -> None:
    status, make = REFUSED[name]
    code = {413: "PAYLOAD_TOO_LARGE", 415: "UNSUPPORTED_MEDIA_TYPE"}[status]
    assert_refused(send(stock_keeper, make_product().id, make()), status, code)


def test_a_form_without_a_file_or_with_too_long_an_alt_text_is_refused(stock_keeper: Api) -> None:
    url = f"/api/products/{make_product().id}/image"
    without = stock_keeper.post(url, data={"altText": "x"}, content_type="multipart/form-data")
    assert assert_refused(without, 400, "VALIDATION_ERROR")["details"][0]["field"] == "file"
    long = send(stock_keeper, make_product().id, picture(), altText="x" * 256)
    assert assert_refused(long, 400, "VALIDATION_ERROR")["details"][0]["field"] == "altText"
    assert_refused(stock_keeper.post(url, data=picture(), content_type="image/png"), 415, "UNSUPPORTED_MEDIA_TYPE")
    assert_refused(stock_keeper.post(url, json={}), 415, "UNSUPPORTED_MEDIA_TYPE")


def test_a_form_above_the_upload_limit_is_refused_unread(stock_keeper: Api) -> None:
    assert_refused(send(stock_keeper, 1, b"\0" * 12_000_000), 413, "PAYLOAD_TOO_LARGE")


def test_an_unknown_product_takes_no_image(stock_keeper: Api) -> None:
    assert_refused(send(stock_keeper, 999_999, picture()), 404, "PRODUCT_NOT_FOUND")


@pytest.mark.parametrize("path", ["/api/products/image/999999", "/products/image/999999/", "/api/products/image/0"])
def test_an_unknown_image_is_not_found(api: Api, path: str) -> None:
    assert_refused(api.get(path), 404, "IMAGE_NOT_FOUND")


@pytest.mark.parametrize(
    "source", ["../config.py", "/etc/passwd", "css/tokens.css", "vendor/fluent-emoji-3d/mark.svg", "gone.webp", ""]
)
def test_no_other_file_is_served_as_an_image(api: Api, source: str) -> None:
    assert_refused(api.get(f"/api/products/image/{add_row(1, source)}"), 404, "IMAGE_NOT_FOUND")


def test_an_external_image_is_redirected_to(api: Api) -> None:
    mug = make_product().id
    elsewhere = "https://pictures.example/mug.jpg"
    picture_id = add_row(mug, elsewhere)
    assert api.get(f"/api/products/{mug}").json["imageUrls"] == [elsewhere]
    response = api.get(f"/api/products/image/{picture_id}")
    assert (response.status_code, response.headers["Location"]) == (302, elsewhere)


def test_the_placeholder_is_an_image(api: Api) -> None:
    with api.get("/api/products/image/placeholder") as response:
        assert response.mimetype == "image/webp"
        assert Pillow.open(io.BytesIO(response.data)).size == (256, 256)
