"""Product images are uploaded, ordered and described by keyboard, with and without JavaScript, or dropped by mouse."""

from __future__ import annotations

import pytest
from playwright.sync_api import FilePayload, expect

from tests.hostile_files import REFUSED, picture
from tests.journeys.conftest import NewShopper, Shops
from tests.journeys.staff_user import sign_in_staff
from tests.shopper import Window

pytestmark = pytest.mark.browser

WINDOWS = [Window(), Window("mariadb", has_script=False, width=390)]
BAG, CLOCK = 47, 48  # used by no other journey
DROP = """([form, bytes]) => {
  const files = new DataTransfer();
  files.items.add(new File([new Uint8Array(bytes)], "dropped.png", { type: "image/png" }));
  form.dispatchEvent(new DragEvent("drop", { dataTransfer: files, bubbles: true, cancelable: true }));
}"""


def file(name: str, content: bytes) -> FilePayload:
    return {"name": name, "mimeType": "application/octet-stream", "buffer": content}


@pytest.mark.parametrize("window", WINDOWS, ids=str)
def test_images_are_uploaded_described_and_ordered(new_shopper: NewShopper, shops: Shops, window: Window) -> None:
    clerk, _ = sign_in_staff(shops(window.engine), new_shopper, window, "stock")
    clerk.open(f"/staff/products/{BAG}")
    page, rows = clerk.page, clerk.page.locator("#pictures-order .image-manager__row")
    before = rows.count()
    front, side = picture("JPEG", (900, 600)), picture("PNG", (700, 700))
    page.locator("#pictures-files").set_input_files([file("front.jpg", front), file("side.png", side)])
    clerk.presses(page.locator("#pictures-send"))
    expect(clerk.notice).to_contain_text("2 images added")
    expect(rows).to_have_count(before + 2)

    clerk.types("Its side", into=rows.last.get_by_label("Alt text"))
    for place in range(before + 1, 0, -1):
        clerk.presses(page.get_by_role("button", name=f"Move image {place + 1} up"))
        expect(rows.nth(place - 1).get_by_label("Alt text")).to_have_value("Its side")
    expect(rows.first).to_contain_text("Main image")
    clerk.fits()

    clerk.open("/products?q=satchel")
    expect(page.locator(f"#grid-{BAG} img")).to_have_attribute("alt", "Its side")
    assert page.locator(f"#grid-{BAG} img").evaluate("image => image.decode().then(() => image.naturalWidth > 0)")


@pytest.mark.parametrize("window", WINDOWS, ids=str)
def test_invalid_files_are_named_and_removed_images_can_be_restored(
    new_shopper: NewShopper, shops: Shops, window: Window
) -> None:
    clerk, _ = sign_in_staff(shops(window.engine), new_shopper, window, "stock")
    clerk.allow(415)
    clerk.open(f"/staff/products/{CLOCK}")
    page, rows = clerk.page, clerk.page.locator("#pictures-order .image-manager__row")
    before = rows.count()
    drawing = REFUSED["a drawing with a script"][1]()
    page.locator("#pictures-files").set_input_files([file("logo.svg", drawing), file("dial.png", picture())])
    clerk.presses(page.locator("#pictures-send"))
    expect(page.locator("#pictures-refused")).to_contain_text("logo.svg is an SVG file")
    expect(rows).to_have_count(before + 1)
    clerk.fits()

    clerk.presses(page.get_by_role("button", name=f"Remove image {before + 1}"))
    expect(rows).to_have_count(before)
    clerk.presses(page.locator("#pictures-removed > summary"))
    clerk.presses(page.get_by_role("button", name="Restore"))
    expect(rows).to_have_count(before + 1)


def test_an_image_can_be_dropped_on_the_form(new_shopper: NewShopper, shops: Shops) -> None:
    window = Window()
    clerk, _ = sign_in_staff(shops(window.engine), new_shopper, window, "stock")
    clerk.open(f"/staff/products/{CLOCK}")
    rows = clerk.page.locator("#pictures-order .image-manager__row")
    before = rows.count()
    form = clerk.page.locator("#pictures-upload").element_handle()
    clerk.page.evaluate(DROP, [form, list(picture("PNG", (77, 50)))])
    expect(clerk.notice).to_contain_text("1 image added")
    expect(rows).to_have_count(before + 1)
