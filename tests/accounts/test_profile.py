"""Name and avatar of an account."""

from __future__ import annotations

import io

import pytest
from flask import Flask
from PIL import Image

from storefront.accounts import service as accounts
from storefront.accounts.values import UnknownAvatar, UnknownUser, UnusableAvatar, UserId
from storefront.core.image_processing import InvalidImage
from tests.core.test_image_processing import a_picture
from tests.factories.accounts import make_account


@pytest.fixture
def asha(app: Flask) -> UserId:
    return make_account(name=None).id


@pytest.fixture
def _request(app: Flask):  # type: ignore[no-untyped-def]
    with app.test_request_context():
        yield


def content_of(address: str | None) -> bytes:
    user, _, digest = (address or "").rpartition("/")[2].partition("-")
    return accounts.get_avatar(int(user), digest)


@pytest.mark.parametrize(
    ("name", "stored"),
    [("Asha Rao", "Asha Rao"), ("  आशा \t राव ", "आशा राव"), ("<b>Asha</b>", "<b>Asha</b>"), (" ", None), (None, None)],
)
def test_any_name_is_stored_with_blanks_squeezed(asha: UserId, name: str | None, stored: str | None) -> None:
    accounts.change_profile(asha, {"name": name})
    assert accounts.get_account(asha).name == stored


def test_a_name_needs_an_account(app: Flask) -> None:
    with pytest.raises(UnknownUser):
        accounts.change_profile(UserId(10**6), {"name": "Asha"})


@pytest.mark.usefixtures("_request")
def test_an_uploaded_picture_is_resized_and_its_url_contains_its_hash(asha: UserId) -> None:
    first = accounts.upload_avatar(asha, a_picture("JPEG"))
    assert accounts.get_account(asha).avatar == first
    assert Image.open(io.BytesIO(content_of(first))).size == (256, 256)
    second = accounts.upload_avatar(asha, a_picture(colour="maroon"))
    assert second != first
    assert content_of(second)
    with pytest.raises(UnknownAvatar):
        content_of(first)


@pytest.mark.usefixtures("_request")
def test_an_invalid_picture_changes_nothing(asha: UserId) -> None:
    uploaded = accounts.upload_avatar(asha, a_picture())
    with pytest.raises(InvalidImage):
        accounts.upload_avatar(asha, b"<svg>")
    assert accounts.get_account(asha).avatar == uploaded


@pytest.mark.parametrize(
    "address", ["https://example.com/asha.png", "http://example.com/a b".replace(" ", "%20"), "/static/a.png", None, ""]
)
def test_an_avatar_may_be_a_url_or_a_path_of_this_shop(asha: UserId, address: str | None) -> None:
    accounts.change_profile(asha, {"avatar": address})
    assert accounts.get_account(asha).avatar == (address or None)


@pytest.mark.parametrize(
    "address",
    [
        *("javascript:alert(1)", "JaVaScRiPt:alert(1)", "data:image/svg+xml,<svg>", "//evil.example/a.png", "\\\\evil"),
        *("ftp://example.com/a", "http:///a", "https://", "a.png", "/a\tb", "https://example.com/" + "a" * 500),
    ],
)
def test_an_invalid_avatar_url_is_refused(asha: UserId, address: str) -> None:
    with pytest.raises(UnusableAvatar):
        accounts.change_profile(asha, {"avatar": address})
    assert accounts.get_account(asha).avatar is None


@pytest.mark.usefixtures("_request")
def test_an_uploaded_picture_replaced_by_a_url_is_deleted(asha: UserId) -> None:
    uploaded = accounts.upload_avatar(asha, a_picture())
    accounts.change_profile(asha, {"avatar": "https://example.com/asha.png"})
    with pytest.raises(UnknownAvatar):
        content_of(uploaded)


@pytest.mark.usefixtures("_request")
def test_others_see_uploaded_pictures_only(asha: UserId) -> None:
    """B9: an address elsewhere would tell its owner who reads a review."""
    accounts.change_profile(asha, {"avatar": "https://elsewhere.example/asha.png"})
    assert accounts.avatars_of({asha}) == {}
    uploaded = accounts.upload_avatar(asha, a_picture())
    assert accounts.avatars_of({asha}) == {asha: uploaded}
