"""Images of a product in the staff area: upload, order, alt texts, removal."""

from __future__ import annotations

import io

import pytest

from storefront.accounts.values import Role
from storefront.catalog import listing, media
from storefront.catalog.media import gallery
from storefront.catalog.models import AuditEntry
from storefront.catalog.values import ProductCard
from storefront.db import audit_log
from storefront.db.audit_log import AuditQuery
from tests.factories.accounts import make_staff
from tests.factories.catalog import make_product
from tests.hostile_files import REFUSED, picture, png
from tests.page_client import SAME_ORIGIN, Page, Pages


@pytest.fixture
def staff_pages(pages: Pages) -> Pages:
    pages.sign_in(make_staff(Role.STOCK_STAFF, email="clerk@example.com"))
    return pages


def page_of(staff_pages: Pages, product: ProductCard) -> Page:
    return staff_pages.get(f"/staff/products/{product.id}")


def send(
    staff_pages: Pages, product: ProductCard, *files: tuple[str, bytes], status: int = 200, htmx: bool = False
) -> Page:
    """Upload files by the form.

    :return: the page or fragment that comes
    """
    form = page_of(staff_pages, product).one("#pictures-upload")
    assert form["enctype"] == "multipart/form-data"
    token = form.select_one("input[name=csrf_token]")
    assert token is not None
    data = {"csrf_token": token["value"], "pictures": [(io.BytesIO(content), name) for name, content in files]}
    return staff_pages._open("POST", str(form["action"]), htmx=htmx, status=status, data=data)


def add(product: ProductCard, *colours: str) -> list[int]:
    """Add images of different sizes, so that no two are the same."""
    return [
        media.add_picture(product.id, picture("PNG", (40 + number, 30)), words) for number, words in enumerate(colours)
    ]


def words_of(product: ProductCard) -> list[str]:
    return [kept.picture.alt for kept in gallery.pictures_of(product.id)]


def image_entries(product: ProductCard) -> list[tuple[str, str]]:
    """The audit entries about the product's images, newest first."""
    found = audit_log.entries(AuditEntry, AuditQuery(subject=product.sku), 20)
    return [(act.what, act.detail) for act in found if act.actor == "clerk@example.com"]


# ------------------------------------------------------------------------------------------ sending


def test_several_images_are_uploaded_at_once_and_the_first_is_the_main_one(staff_pages: Pages) -> None:
    mug = make_product(name="Clay Mug")
    page = send(staff_pages, mug, ("front.jpg", picture("JPEG", (900, 600))), ("side.png", picture("PNG", (50, 60))))
    assert "2 images added" in page.words
    assert len(page.all("#pictures-order .image-manager__row")) == 2
    shown = listing.cards_of([mug.id])[0].picture
    assert shown is not None
    assert (shown.width, shown.height, shown.alt) == (900, 600, "Clay Mug")
    assert image_entries(mug) == [("picture added", "Clay Mug")] * 2


def test_images_are_uploaded_with_htmx_too(staff_pages: Pages) -> None:
    mug = make_product()
    fragment = send(staff_pages, mug, ("front.png", picture()), htmx=True)
    assert fragment.one("[data-announce]").text == "1 image added"
    assert fragment.html.select_one("h1") is None
    assert len(words_of(mug)) == 1


def test_rejected_files_are_listed_with_the_reason_and_the_others_added(staff_pages: Pages) -> None:
    mug = make_product()
    drawing = REFUSED["a drawing with a script"][1]()
    page = send(staff_pages, mug, ("good.png", picture()), ("logo.svg", drawing), ("empty.png", b""), status=415)
    refused = [" ".join(line.get_text().split()) for line in page.all("#pictures-refused li")]
    assert refused == [
        "logo.svg is an SVG file, which can contain scripts. Upload a PNG or WebP instead.",
        "empty.png is empty.",
    ]
    assert "1 image added" in page.words
    assert len(words_of(mug)) == 1


@pytest.mark.parametrize(
    "content", [b"\0" * (10 * 1024 * 1024 + 1), png(8000, 5001)], ids=["eleven megabytes", "forty megapixels and more"]
)
def test_a_too_large_file_is_rejected_with_the_limits(staff_pages: Pages, content: bytes) -> None:
    page = send(staff_pages, make_product(), ("huge.png", content), status=413)
    assert "huge.png is too large: the limits are 10 MB and 40 megapixels." in page.words


@pytest.mark.parametrize("name", REFUSED)
def test_hostile_files_are_rejected(staff_pages: Pages, name: str) -> None:
    status, make = REFUSED[name]
    mug = make_product()
    content = make()
    is_taken_here = name == "a flood of pixels that is really there" or len(content) in range(5 << 20, 10 << 20)
    page = send(staff_pages, mug, ("file.png", content), status=200 if is_taken_here else status)
    assert len(page.all("#pictures-refused li")) == (0 if is_taken_here else 1)
    assert len(words_of(mug)) == (1 if is_taken_here else 0)


def test_files_too_large_for_the_api_are_accepted_here(staff_pages: Pages) -> None:
    mug = make_product()
    send(staff_pages, mug, ("large.png", picture("PNG", (6000, 5000))))
    assert len(words_of(mug)) == 1


def test_files_beyond_the_limit_of_twelve_are_listed(staff_pages: Pages) -> None:
    mug = make_product()
    files = [(f"{number}.png", picture("PNG", (40 + number, 30))) for number in range(13)]
    page = send(staff_pages, mug, *files, status=413)
    assert "12.png was not added: upload at most 12 files at once." in page.words
    assert len(words_of(mug)) == 12


def test_a_form_above_the_total_limit_is_refused_unread(staff_pages: Pages) -> None:
    mug = make_product()
    page = send(staff_pages, mug, ("one.png", picture()), ("rest.png", b"\0" * (51 * 2**20)), status=413)
    assert "Request too large" in page.words
    assert words_of(mug) == []


def test_a_form_without_a_file_asks_for_one(staff_pages: Pages) -> None:
    assert "Choose at least one image." in send(staff_pages, make_product(), status=422).words


def test_the_same_image_uploaded_twice_is_stored_once(staff_pages: Pages) -> None:
    mug = make_product()
    for _ in range(2):
        send(staff_pages, mug, ("mug.png", picture()))
    assert len(words_of(mug)) == 1


# ------------------------------------------------------------------------------------------ order and words


@pytest.mark.parametrize("htmx", [False, True])
def test_moving_an_image_up_saves_the_alt_texts_too(staff_pages: Pages, htmx: bool) -> None:
    mug = make_product()
    front, side = add(mug, "Front", "Side")
    page = staff_pages.submit(
        page_of(staff_pages, mug), "#pictures-order", press=f"{side}/up", htmx=htmx, **{f"alt-{front}": "From before"}
    )
    assert words_of(mug) == ["Side", "From before"]
    assert page.one(f"#picture-{side}-up")["aria-disabled"] == "true"
    shown = listing.cards_of([mug.id])[0].picture
    assert shown is not None
    assert shown.alt == "Side"
    assert sorted(image_entries(mug)) == [
        ("picture described", "from “Front” to “From before”"),
        ("picture moved", "“Side” from place 2 to 1"),
    ]


def test_an_image_moves_down(staff_pages: Pages) -> None:
    mug = make_product()
    front, *_ = add(mug, "Front", "Side", "Top")
    staff_pages.submit(page_of(staff_pages, mug), "#pictures-order", press=f"{front}/down")
    assert words_of(mug) == ["Side", "Front", "Top"]


@pytest.mark.parametrize(
    ("place", "order"),
    [("1", ["Top", "Front", "Side"]), ("2", ["Front", "Top", "Side"]), ("99", ["Front", "Side", "Top"])],
)
def test_an_image_moves_to_its_position(staff_pages: Pages, place: str, order: list[str]) -> None:
    mug = make_product()
    *_, top = add(mug, "Front", "Side", "Top")
    staff_pages.submit(page_of(staff_pages, mug), "#pictures-order", **{f"place-{top}": place})
    assert words_of(mug) == order


def test_an_invalid_position_saves_nothing(staff_pages: Pages) -> None:
    mug = make_product()
    front, _ = add(mug, "Front", "Side")
    fields = {f"place-{front}": "two", f"alt-{front}": "Other"}
    page = staff_pages.submit(page_of(staff_pages, mug), "#pictures-order", status=422, **fields)
    assert "Nothing was saved: a position is a whole number from 1." in page.words
    assert words_of(mug) == ["Front", "Side"]
    assert page.one(f"#picture-{front}-alt")["value"] == "Other"


@pytest.mark.parametrize("htmx", [False, True])
def test_a_conflicting_alt_text_is_shown_beside_ones_own(staff_pages: Pages, htmx: bool) -> None:
    mug = make_product()
    front, _ = add(mug, "Front", "Side")
    stale = page_of(staff_pages, mug)
    staff_pages.submit(page_of(staff_pages, mug), "#pictures-order", **{f"alt-{front}": "Theirs"})
    fields = {f"alt-{front}": "Mine", f"place-{front}": "2"}
    page = staff_pages.submit(stale, "#pictures-order", htmx=htmx, status=409, **fields)
    assert "Nothing was saved: somebody else changed these alt texts" in page.words
    assert page.one(f"#picture-{front}-alt-now").get_text() == "Current value: Theirs"
    assert page.one(f"#picture-{front}-alt")["value"] == "Mine"
    assert words_of(mug) == ["Theirs", "Side"]
    staff_pages.submit(page, "#pictures-order")
    assert words_of(mug) == ["Side", "Mine"]


def test_a_stale_page_does_not_revert_untouched_fields(staff_pages: Pages) -> None:
    mug = make_product()
    front, side, top = add(mug, "Front", "Side", "Top")
    stale = page_of(staff_pages, mug)
    staff_pages.submit(page_of(staff_pages, mug), "#pictures-order", press=f"{top}/up", **{f"alt-{front}": "Theirs"})
    staff_pages.submit(stale, "#pictures-order", **{f"alt-{side}": "Mine"})
    assert words_of(mug) == ["Theirs", "Top", "Mine"]


def test_an_empty_alt_text_becomes_the_product_name(staff_pages: Pages) -> None:
    mug = make_product(name="Clay Mug")
    (front,) = add(mug, "Front")
    staff_pages.submit(page_of(staff_pages, mug), "#pictures-order", **{f"alt-{front}": " "})
    assert words_of(mug) == ["Clay Mug"]


def test_images_of_other_products_are_not_changed(staff_pages: Pages) -> None:
    mug, jar = make_product(), make_product()
    add(mug, "Mug")
    (other,) = add(jar, "Jar")
    token = page_of(staff_pages, mug).one("#pictures-order input[name=csrf_token]")["value"]
    data = {"csrf_token": token, f"alt-{other}": "Stolen", f"place-{other}": "1"}
    url = f"/staff/products/{mug.id}/pictures"
    staff_pages.client.post(f"{url}/order", data=data, headers=SAME_ORIGIN)
    assert words_of(jar) == ["Jar"]
    assert staff_pages.client.post(f"{url}/{other}/removal", data=data, headers=SAME_ORIGIN).status_code == 404
    assert words_of(jar) == ["Jar"]


# ------------------------------------------------------------------------------------------ away and back


@pytest.mark.parametrize("htmx", [False, True])
def test_a_removed_image_is_restored_at_its_position(staff_pages: Pages, htmx: bool) -> None:
    mug = make_product()
    front, side = add(mug, "Front", "Side")
    page = staff_pages.submit(page_of(staff_pages, mug), f"#picture-{front}-removal", htmx=htmx)
    assert "Image removed." in page.words
    assert words_of(mug) == ["Side"]
    shown = listing.cards_of([mug.id])[0].picture
    assert shown is not None
    assert shown.alt == "Side"
    page = staff_pages.submit(page, f"#picture-{front}-return", htmx=htmx)
    assert words_of(mug) == ["Front", "Side"]
    assert not page.all("#pictures-removed")
    assert image_entries(mug) == [("picture restored", "Front"), ("picture removed", "Front")]
    assert side in {kept.id for kept in gallery.pictures_of(mug.id)}


def test_an_image_is_removed_once_by_two_clicks(staff_pages: Pages) -> None:
    mug = make_product()
    (front,) = add(mug, "Front")
    page = page_of(staff_pages, mug)
    for _ in range(2):
        staff_pages.submit(page, f"#picture-{front}-removal")
    assert image_entries(mug) == [("picture removed", "Front")]
    assert listing.cards_of([mug.id])[0].picture is None


@pytest.mark.parametrize("act", ["pictures", "pictures/order"])
def test_an_unknown_product_has_no_images(staff_pages: Pages, act: str) -> None:
    token = page_of(staff_pages, make_product()).one("#pictures-upload input[name=csrf_token]")["value"]
    data = {"csrf_token": token, "pictures": (io.BytesIO(picture()), "mug.png")}
    sent = staff_pages.client.post(f"/staff/products/999999/{act}", data=data, headers=SAME_ORIGIN)
    assert sent.status_code == 404


def test_actions_need_the_csrf_token(staff_pages: Pages) -> None:
    mug = make_product()
    (front,) = add(mug, "Front")
    for act in ("", "/order", f"/{front}/removal", f"/{front}/restoration"):
        sent = staff_pages.client.post(f"/staff/products/{mug.id}/pictures{act}", headers=SAME_ORIGIN)
        assert sent.status_code in {400, 403}
    assert words_of(mug) == ["Front"]
