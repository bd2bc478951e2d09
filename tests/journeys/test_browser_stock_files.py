"""Stock files of real merchants, line by line in a browser."""

from __future__ import annotations

import pytest
from playwright.sync_api import expect

from tests.journeys.conftest import NewShopper, Shops
from tests.journeys.staff_user import sign_in_staff
from tests.shopper import Window
from tests.staff.test_ledger_and_imports import CASES, MERCHANT_FILES

pytestmark = pytest.mark.browser


@pytest.mark.parametrize("window", [Window(), Window("mariadb", has_script=False, width=390)], ids=str)
def test_files_of_merchants_are_read_line_by_line(new_shopper: NewShopper, shops: Shops, window: Window) -> None:
    """D2, D3, D4, D5: what is read, and what is wrong with which line."""
    clerk, _ = sign_in_staff(shops(window.engine), new_shopper, window, "stock")
    for name, lines, words in MERCHANT_FILES:
        clerk.open("/staff/stock/imports")
        clerk.page.locator("#file").set_input_files(CASES / f"{name}.csv")
        clerk.presses(clerk.page.get_by_role("button", name="Check file"))
        expect(clerk.page.locator("main")).to_contain_text(words, use_inner_text=True)
        expect(clerk.page.locator("section[aria-labelledby=change-lines] tbody tr")).to_have_count(lines)
        clerk.fits()
