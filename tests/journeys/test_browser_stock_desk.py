"""Staff scan, change and import stock by keyboard, with and without JavaScript."""

from __future__ import annotations

import itertools
import re
from collections.abc import Mapping
from pathlib import Path

import pytest
from playwright.sync_api import Locator, expect

from storefront.cli.demo import catalogue
from tests.journeys.conftest import NewShopper, Shops
from tests.journeys.staff_user import sign_in_staff
from tests.live_server import eventually
from tests.shopper import Shopper, Window

pytestmark = pytest.mark.browser

WINDOWS = [Window(), Window("mariadb", has_script=False, width=390)]
# SKUs that no other journey changes: three rows of the stock page, found by one search.
BALLS = {"SKU-GAL-BALL-3": "+5", "SKU-GAL-BALL-4": "-2", "SKU-GAL-BALL-5": "+7"}
BALL = "/product/20-street-football?sku=SKU-GAL-BALL-4"
OIL, OTHER_OIL = "SKU-NRY-COCO-100", "SKU-NRY-COCO-250"
COUNTED_BY_OTHERS = {"SKU-MAD-PILLAR", "SKU-UST-SINGLE", *BALLS, OIL, OTHER_OIL}


_units = itertools.count(4)  # importing the same file again would change nothing


def some_skus(count: int) -> list[str]:
    skus = [variant["sku"] for product in catalogue.read()["products"] for variant in product["variants"]]
    return [sku for sku in skus if sku not in COUNTED_BY_OTHERS][-count:]


def row_of(clerk: Shopper, sku: str) -> Locator:
    return clerk.page.locator(".admin-row", has=clerk.page.locator(".admin-row__sku", has_text=sku))


def on_hand_of(clerk: Shopper, *skus: str) -> dict[str, int]:
    """Units on hand by SKU, as the stock page shows them."""
    units = {}
    for sku in skus:
        clerk.open(f"/staff/stock?q={sku}")
        units[sku] = int(row_of(clerk, sku).locator(".admin-row__ledger").inner_text().replace(",", ""))
    return units


def changed_by(before: Mapping[str, int], after: Mapping[str, int]) -> dict[str, int]:
    return {sku: after[sku] - before[sku] for sku in before}


@pytest.mark.parametrize("window", WINDOWS, ids=str)
def test_twenty_deliveries_are_scanned_in(new_shopper: NewShopper, shops: Shops, window: Window) -> None:
    clerk, email = sign_in_staff(shops(window.engine), new_shopper, window, "stock")
    skus = some_skus(20)
    before = on_hand_of(clerk, skus[0], skus[-1])
    clerk.open("/staff/stock/scan")
    clerk.sees("Receive stock")
    code, quantity = clerk.page.locator("#code"), clerk.page.locator("#quantity")
    clerk.allow(404)
    clerk.types("NO-SUCH-CODE", then="Enter")
    expect(clerk.page.get_by_role("alert")).to_contain_text("NO-SUCH-CODE")
    for units, sku in enumerate(skus, start=1):
        expect(code).to_be_focused()
        clerk.types(sku, then="Enter")
        expect(quantity).to_be_focused()
        clerk.types(str(units), then="Enter")
        expect(clerk.page.locator(".scan__row").first).to_contain_text(sku)
    after = on_hand_of(clerk, skus[0], skus[-1])
    assert changed_by(before, after) == {skus[0]: 1, skus[-1]: 20}
    clerk.open(f"/staff/stock/movements?who={email}")
    expect(clerk.page.locator("tbody .admin-row")).to_have_count(20)
    clerk.fits()


SCRIPTED = Window()
SLOW = 600  # milliseconds until an answer arrives, as over a warehouse's wireless network


def slow_scan_page(clerk: Shopper) -> None:
    """Open the scanning page, whose answers arrive late from then on."""
    clerk.open("/staff/stock/scan")
    clerk.sees("Receive stock")
    network = {"offline": False, "latency": SLOW, "downloadThroughput": -1, "uploadThroughput": -1}
    clerk.context.new_cdp_session(clerk.page).send("Network.emulateNetworkConditions", network)


def scanned(clerk: Shopper, *entries: str) -> None:
    """Type as a scanner does: each entry at once, with Enter after it, without looking at the page."""
    for entry in entries:
        clerk.page.keyboard.type(entry)
        clerk.page.keyboard.press("Enter")


def all_is_sent(clerk: Shopper) -> None:
    expect(clerk.page.locator("#scan-sending")).to_be_hidden()
    expect(clerk.page.locator("#scan-unsent")).to_be_hidden()


def units_of_scans(clerk: Shopper) -> list[str]:
    """The latest scans first, such as "+24 SKU-A"."""
    rows = clerk.page.locator(".scan__row").all()
    return [f"{row.locator('.scan__units').inner_text()} {row.locator('strong').inner_text()}" for row in rows]


def test_no_key_is_lost_while_answers_are_late(new_shopper: NewShopper, shops: Shops) -> None:
    """D1: of 24 typed after a code, 4 or 1 were received, and a second code was taken for a quantity."""
    clerk, _ = sign_in_staff(shops(SCRIPTED.engine), new_shopper, SCRIPTED, "stock")
    one, two, three, four = some_skus(24)[:4]
    slow_scan_page(clerk)
    scanned(clerk, one, "24", two, two, two, three, four, "7")
    expect(clerk.page.locator("#scan-sending")).to_contain_text(f"{four}, 7")
    clerk.page.keyboard.type("on-the-way")
    all_is_sent(clerk)
    assert units_of_scans(clerk) == [f"+7 {four}", f"+3 {two}", f"+24 {one}"]
    expect(clerk.page.locator(".scan__waiting li")).to_have_text([re.compile(three)])
    code = clerk.page.locator("#code")
    expect(code).to_be_focused()
    expect(code).to_have_value("on-the-way")
    clerk.fits()


def test_an_entry_that_is_refused_while_others_follow_is_not_forgotten(new_shopper: NewShopper, shops: Shops) -> None:
    """D1: the answer to the next entry took its place."""
    clerk, _ = sign_in_staff(shops(SCRIPTED.engine), new_shopper, SCRIPTED, "stock")
    one, two = some_skus(26)[:2]
    slow_scan_page(clerk)
    clerk.allow(404, 422)
    scanned(clerk, "NO-SUCH-CODE", one, "1.5", "", "2", two, "3")
    all_is_sent(clerk)
    assert units_of_scans(clerk) == [f"+3 {two}", f"+2 {one}"]
    expect(clerk.page.locator("#scan-missed li")).to_have_text(
        [
            "No SKU or barcode matches NO-SUCH-CODE",
            re.compile("whole number from 1 to 10,000"),
            re.compile(f"Enter the quantity of {one}"),
        ]
    )
    clerk.presses(clerk.button("Done"))
    expect(clerk.page.locator("#scan-missed")).to_be_hidden()


def test_entries_are_kept_while_the_shop_is_away(new_shopper: NewShopper, shops: Shops) -> None:
    """D1: an answer that never came took its entry along."""
    clerk, _ = sign_in_staff(shops(SCRIPTED.engine), new_shopper, SCRIPTED, "stock")
    (one,) = some_skus(27)[:1]
    clerk.open("/staff/stock/scan")
    clerk.page.route("**/staff/stock/scan*", lambda route: route.fulfill(status=502, body="Bad gateway"))
    clerk.allow(502)
    scanned(clerk, one, "5")
    expect(clerk.page.get_by_role("alert")).to_contain_text(f"still to be sent: {one}, 5")
    clerk.page.unroute("**/staff/stock/scan*")
    clerk.presses(clerk.button("Send again"))
    all_is_sent(clerk)
    assert units_of_scans(clerk)[0] == f"+5 {one}"


@pytest.mark.parametrize("window", WINDOWS, ids=str)
def test_three_rows_are_changed_while_a_shopper_buys_one_of_them(
    new_shopper: NewShopper, shops: Shops, window: Window
) -> None:
    clerk, _ = sign_in_staff(shops(window.engine), new_shopper, window, "stock")
    before = on_hand_of(clerk, *BALLS)
    clerk.open("/staff/stock")
    clerk.types("SKU-GAL-BALL", into=clerk.page.locator("#admin-words"), then="Enter")
    expect(clerk.page.locator("tbody .admin-row")).to_have_count(3)
    for sku, change in BALLS.items():
        clerk.types(change, into=clerk.page.get_by_label(f"Change of {sku}"))

    shopper = new_shopper(window)
    shopper.reach_review(BALL, "Cash on delivery")
    shopper.place_order()
    shopper.reads_order_number()

    clerk.presses(clerk.page.locator("#stock-submit"))
    expect(clerk.notice).to_contain_text("3 rows changed")
    after = on_hand_of(clerk, *BALLS)
    assert changed_by(before, after) == {"SKU-GAL-BALL-3": 5, "SKU-GAL-BALL-4": -3, "SKU-GAL-BALL-5": 7}
    clerk.open("/staff/stock/movements?sku=SKU-GAL-BALL-4")
    rows = clerk.page.locator("tbody .admin-row")
    expect(rows.nth(0)).to_contain_text("−2")
    expect(rows.nth(1)).to_contain_text("−1")
    assert shops(window.engine).faults() == []


def check_file(clerk: Shopper, folder: Path, name: str, *lines: str) -> None:
    """Upload a file by keyboard and let it be checked; the file dialog is replaced."""
    file = folder / name
    file.write_text("\n".join(["sku,count,delta,reason", *lines, ""]))
    clerk.open("/staff/stock/imports")
    clerk.sees("Import")
    clerk.page.locator("#file").set_input_files(file)
    clerk.presses(clerk.button("Check file"))
    clerk.sees(f"Import of {name}")


@pytest.mark.parametrize("window", WINDOWS, ids=str)
def test_a_file_with_an_error_is_corrected_and_applied(
    new_shopper: NewShopper, shops: Shops, window: Window, tmp_path: Path
) -> None:
    clerk, _ = sign_in_staff(shops(window.engine), new_shopper, window, "stock")
    before = on_hand_of(clerk, OIL, OTHER_OIL)
    units = next(_units)
    check_file(clerk, tmp_path, "wrong.csv", f"{OIL},,{units},received", "SKU-NOBODY-KNOWS,,1,received")
    expect(clerk.page.get_by_role("alert")).to_contain_text("1 line of 2 cannot be applied. Nothing has changed yet.")
    problem = clerk.page.locator(".import-lines .admin-row").first
    expect(problem).to_contain_text("SKU-NOBODY-KNOWS")
    expect(problem.locator("td").first).to_have_text("3")
    assert on_hand_of(clerk, OIL, OTHER_OIL) == before

    check_file(clerk, tmp_path, "mended.csv", f"{OIL},,{units},received", f"{OTHER_OIL},,6,received")
    clerk.presses(clerk.button("Apply 2 changes"))
    applied = clerk.page.locator(".notice--success", has_text="2 lines applied")

    refresh = clerk.link("Refresh")  # where no script polls

    def is_applied() -> bool:
        expect(applied.or_(clerk.page.locator("#progress"))).to_be_visible()
        if refresh.is_visible():
            clerk.presses(refresh)
        return applied.is_visible()

    eventually(is_applied, "the worker to apply the file", within=60)
    clerk.fits()
    assert changed_by(before, on_hand_of(clerk, OIL, OTHER_OIL)) == {OIL: units, OTHER_OIL: 6}
