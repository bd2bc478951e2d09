"""The pictures on a product's page at the desk: sent, put in order, described, taken away, brought back."""

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
def desk(pages: Pages) -> Pages:
    pages.sign_in(make_staff(Role.STOCK_STAFF, email="clerk@example.com"))
    return pages


def page_of(desk: Pages, product: ProductCard) -> Page:
    return desk.get(f"/staff/products/{product.id}")


def send(desk: Pages, product: ProductCard, *files: tuple[str, bytes], status: int = 200, htmx: bool = False) -> Page:
    """Choose files in the field and press the button.

    :return: the page or fragment that comes
    """
    form = page_of(desk, product).one("#pictures-upload")
    assert form["enctype"] == "multipart/form-data"
    token = form.select_one("input[name=csrf_token]")
    assert token is not None
    data = {"csrf_token": token["value"], "pictures": [(io.BytesIO(content), name) for name, content in files]}
    return desk._open("POST", str(form["action"]), htmx=htmx, status=status, data=data)


def add(product: ProductCard, *colours: str) -> list[int]:
    """Pictures of different sizes, so that no two are the same."""
    return [
        media.add_picture(product.id, picture("PNG", (40 + number, 30)), words) for number, words in enumerate(colours)
    ]


def words_of(product: ProductCard) -> list[str]:
    return [kept.picture.alt for kept in gallery.pictures_of(product.id)]


def noted(product: ProductCard) -> list[tuple[str, str]]:
    """What was done to the product's pictures, latest first, by whom it was."""
    found = audit_log.entries(AuditEntry, AuditQuery(subject=product.sku), 20)
    return [(act.what, act.detail) for act in found if act.actor == "clerk@example.com"]


# ------------------------------------------------------------------------------------------ sending


def test_several_pictures_are_sent_at_once_and_the_first_is_the_main_one(desk: Pages) -> None:
    mug = make_product(name="Clay Mug")
    page = send(desk, mug, ("front.jpg", picture("JPEG", (900, 600))), ("side.png", picture("PNG", (50, 60))))
    assert "2 pictures added" in page.words
    assert len(page.all("#pictures-order .image-manager__row")) == 2
    shown = listing.cards_of([mug.id])[0].picture
    assert shown is not None
    assert (shown.width, shown.height, shown.alt) == (900, 600, "Clay Mug")
    assert noted(mug) == [("picture added", "Clay Mug")] * 2


def test_they_are_sent_with_htmx_too(desk: Pages) -> None:
    mug = make_product()
    fragment = send(desk, mug, ("front.png", picture()), htmx=True)
    assert fragment.one("[data-announce]").text == "1 picture added"
    assert fragment.html.select_one("h1") is None
    assert len(words_of(mug)) == 1


def test_what_is_no_picture_is_named_with_its_reason_and_the_others_are_kept(desk: Pages) -> None:
    mug = make_product()
    drawing = REFUSED["a drawing with a script"][1]()
    page = send(desk, mug, ("good.png", picture()), ("logo.svg", drawing), ("empty.png", b""), status=415)
    refused = [" ".join(line.get_text().split()) for line in page.all("#pictures-refused li")]
    assert refused == [
        "logo.svg is an SVG drawing, which can hold scripts. Send it as PNG or WebP.",
        "empty.png is empty.",
    ]
    assert "1 picture added" in page.words
    assert len(words_of(mug)) == 1


@pytest.mark.parametrize(
    "content", [b"\0" * (10 * 1024 * 1024 + 1), png(8000, 5001)], ids=["eleven megabytes", "forty megapixels and more"]
)
def test_what_is_too_large_is_named_with_the_limits(desk: Pages, content: bytes) -> None:
    page = send(desk, make_product(), ("huge.png", content), status=413)
    assert "huge.png is too large: 10 MB and 40 megapixels are the most." in page.words


@pytest.mark.parametrize("name", REFUSED)
def test_no_hostile_file_comes_through(desk: Pages, name: str) -> None:
    status, make = REFUSED[name]
    mug = make_product()
    content = make()
    is_taken_here = name == "a flood of pixels that is really there" or len(content) in range(5 << 20, 10 << 20)
    page = send(desk, mug, ("file.png", content), status=200 if is_taken_here else status)
    assert len(page.all("#pictures-refused li")) == (0 if is_taken_here else 1)
    assert len(words_of(mug)) == (1 if is_taken_here else 0)


def test_what_the_api_finds_too_large_is_taken_here(desk: Pages) -> None:
    mug = make_product()
    send(desk, mug, ("large.png", picture("PNG", (6000, 5000))))
    assert len(words_of(mug)) == 1


def test_more_than_twelve_at_once_are_left_out_by_name(desk: Pages) -> None:
    mug = make_product()
    files = [(f"{number}.png", picture("PNG", (40 + number, 30))) for number in range(13)]
    page = send(desk, mug, *files, status=413)
    assert "12.png was left out: 12 are the most at once. Send it again." in page.words
    assert len(words_of(mug)) == 12


def test_a_form_far_larger_than_the_files_may_be_together_is_refused_unread(desk: Pages) -> None:
    mug = make_product()
    page = send(desk, mug, ("one.png", picture()), ("rest.png", b"\0" * (51 * 2**20)), status=413)
    assert "Request too large" in page.words
    assert words_of(mug) == []


def test_a_form_without_a_file_asks_for_one(desk: Pages) -> None:
    assert "Choose one picture or more first." in send(desk, make_product(), status=422).words


def test_the_same_picture_sent_again_is_there_once(desk: Pages) -> None:
    mug = make_product()
    for _ in range(2):
        send(desk, mug, ("mug.png", picture()))
    assert len(words_of(mug)) == 1


# ------------------------------------------------------------------------------------------ order and words


@pytest.mark.parametrize("htmx", [False, True])
def test_a_picture_goes_up_and_takes_what_was_typed_along(desk: Pages, htmx: bool) -> None:
    mug = make_product()
    front, side = add(mug, "Front", "Side")
    page = desk.submit(
        page_of(desk, mug), "#pictures-order", press=f"{side}/up", htmx=htmx, **{f"alt-{front}": "From before"}
    )
    assert words_of(mug) == ["Side", "From before"]
    assert page.one(f"#picture-{side}-up")["aria-disabled"] == "true"
    shown = listing.cards_of([mug.id])[0].picture
    assert shown is not None
    assert shown.alt == "Side"
    assert sorted(noted(mug)) == [
        ("picture described", "from “Front” to “From before”"),
        ("picture moved", "“Side” from place 2 to 1"),
    ]


def test_a_picture_goes_down(desk: Pages) -> None:
    mug = make_product()
    front, *_ = add(mug, "Front", "Side", "Top")
    desk.submit(page_of(desk, mug), "#pictures-order", press=f"{front}/down")
    assert words_of(mug) == ["Side", "Front", "Top"]


@pytest.mark.parametrize(
    ("place", "order"),
    [("1", ["Top", "Front", "Side"]), ("2", ["Front", "Top", "Side"]), ("99", ["Front", "Side", "Top"])],
)
def test_a_picture_goes_where_its_number_says(desk: Pages, place: str, order: list[str]) -> None:
    mug = make_product()
    *_, top = add(mug, "Front", "Side", "Top")
    desk.submit(page_of(desk, mug), "#pictures-order", **{f"place-{top}": place})
    assert words_of(mug) == order


def test_a_place_that_is_no_number_saves_nothing(desk: Pages) -> None:
    mug = make_product()
    front, _ = add(mug, "Front", "Side")
    fields = {f"place-{front}": "two", f"alt-{front}": "Other"}
    page = desk.submit(page_of(desk, mug), "#pictures-order", status=422, **fields)
    assert "Nothing was saved: a place is a whole number from 1." in page.words
    assert words_of(mug) == ["Front", "Side"]
    assert page.one(f"#picture-{front}-alt")["value"] == "Other"


@pytest.mark.parametrize("htmx", [False, True])
def test_words_that_somebody_else_changed_meanwhile_are_shown_beside_ones_own(desk: Pages, htmx: bool) -> None:
    mug = make_product()
    front, _ = add(mug, "Front", "Side")
    stale = page_of(desk, mug)
    desk.submit(page_of(desk, mug), "#pictures-order", **{f"alt-{front}": "Theirs"})
    fields = {f"alt-{front}": "Mine", f"place-{front}": "2"}
    page = desk.submit(stale, "#pictures-order", htmx=htmx, status=409, **fields)
    assert "Nothing was saved: somebody else described these pictures" in page.words
    assert page.one(f"#picture-{front}-alt-now").get_text() == "There is now: Theirs"
    assert page.one(f"#picture-{front}-alt")["value"] == "Mine"
    assert words_of(mug) == ["Theirs", "Side"]
    desk.submit(page, "#pictures-order")
    assert words_of(mug) == ["Side", "Mine"]


def test_what_was_not_touched_is_not_put_back_to_what_a_stale_page_shows(desk: Pages) -> None:
    mug = make_product()
    front, side, top = add(mug, "Front", "Side", "Top")
    stale = page_of(desk, mug)
    desk.submit(page_of(desk, mug), "#pictures-order", press=f"{top}/up", **{f"alt-{front}": "Theirs"})
    desk.submit(stale, "#pictures-order", **{f"alt-{side}": "Mine"})
    assert words_of(mug) == ["Theirs", "Top", "Mine"]


def test_words_taken_out_leave_the_name_of_the_product(desk: Pages) -> None:
    mug = make_product(name="Clay Mug")
    (front,) = add(mug, "Front")
    desk.submit(page_of(desk, mug), "#pictures-order", **{f"alt-{front}": " "})
    assert words_of(mug) == ["Clay Mug"]


def test_pictures_of_other_products_are_left_alone(desk: Pages) -> None:
    mug, jar = make_product(), make_product()
    add(mug, "Mug")
    (other,) = add(jar, "Jar")
    token = page_of(desk, mug).one("#pictures-order input[name=csrf_token]")["value"]
    data = {"csrf_token": token, f"alt-{other}": "Stolen", f"place-{other}": "1"}
    url = f"/staff/products/{mug.id}/pictures"
    desk.client.post(f"{url}/arrangement", data=data, headers=SAME_ORIGIN)
    assert words_of(jar) == ["Jar"]
    assert desk.client.post(f"{url}/{other}/removal", data=data, headers=SAME_ORIGIN).status_code == 404
    assert words_of(jar) == ["Jar"]


# ------------------------------------------------------------------------------------------ away and back


@pytest.mark.parametrize("htmx", [False, True])
def test_a_picture_is_taken_away_and_brought_back_where_it_stood(desk: Pages, htmx: bool) -> None:
    mug = make_product()
    front, side = add(mug, "Front", "Side")
    page = desk.submit(page_of(desk, mug), f"#picture-{front}-removal", htmx=htmx)
    assert "The picture is taken away." in page.words
    assert words_of(mug) == ["Side"]
    shown = listing.cards_of([mug.id])[0].picture
    assert shown is not None
    assert shown.alt == "Side"
    page = desk.submit(page, f"#picture-{front}-return", htmx=htmx)
    assert words_of(mug) == ["Front", "Side"]
    assert not page.all("#pictures-removed")
    assert noted(mug) == [("picture restored", "Front"), ("picture removed", "Front")]
    assert side in {kept.id for kept in gallery.pictures_of(mug.id)}


def test_pressed_twice_it_is_taken_away_once(desk: Pages) -> None:
    mug = make_product()
    (front,) = add(mug, "Front")
    page = page_of(desk, mug)
    for _ in range(2):
        desk.submit(page, f"#picture-{front}-removal")
    assert noted(mug) == [("picture removed", "Front")]
    assert listing.cards_of([mug.id])[0].picture is None


@pytest.mark.parametrize("act", ["pictures", "pictures/arrangement"])
def test_a_product_that_is_not_there_has_no_pictures(desk: Pages, act: str) -> None:
    token = page_of(desk, make_product()).one("#pictures-upload input[name=csrf_token]")["value"]
    data = {"csrf_token": token, "pictures": (io.BytesIO(picture()), "mug.png")}
    sent = desk.client.post(f"/staff/products/999999/{act}", data=data, headers=SAME_ORIGIN)
    assert sent.status_code == 404


def test_nothing_is_done_without_the_token_of_the_form(desk: Pages) -> None:
    mug = make_product()
    (front,) = add(mug, "Front")
    for act in ("", "/arrangement", f"/{front}/removal", f"/{front}/return"):
        sent = desk.client.post(f"/staff/products/{mug.id}/pictures{act}", headers=SAME_ORIGIN)
        assert sent.status_code in {400, 403}
    assert words_of(mug) == ["Front"]
