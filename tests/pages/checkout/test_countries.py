"""C10: the fields of the address follow its country, with and without JavaScript."""

from __future__ import annotations

import pytest

from storefront.accounts import service as accounts
from storefront.accounts.models import Address
from storefront.core.clock import utc_now
from storefront.db.session import transaction
from tests.factories.accounts import make_account
from tests.factories.catalog import make_product
from tests.factories.shopping import DELIVERY, check_out, fill_cart
from tests.page_client import Page, Pages

FORM = "form.checkout__form"


def labels_of(page: Page) -> list[str]:
    return [" ".join(label.get_text().split()) for label in page.all("#postal-fields .field__label")][1:]


@pytest.fixture
def at_delivery(pages: Pages) -> Page:
    fill_cart(pages, make_product())
    return check_out(pages, until="delivery")


@pytest.mark.parametrize("htmx", [False, True])
@pytest.mark.parametrize(
    ("country", "labels"),
    [
        ("Hong Kong", ["District (optional)", "Area"]),
        ("United Arab Emirates", ["Emirate"]),
        ("Ireland", ["City", "County (optional)", "Eircode (optional)"]),
        ("United Kingdom", ["Town", "Postcode"]),
    ],
)
def test_another_country_shows_its_fields_and_keeps_what_was_typed(
    pages: Pages, at_delivery: Page, country: str, labels: list[str], *, htmx: bool
) -> None:
    typed = {"full_name": "Mei Lee", "line1": "1 Queen's Road", "country": country}
    shown = pages.submit(at_delivery, FORM, htmx=htmx, press="y", **typed)
    assert labels_of(shown)[3:] == labels
    assert not shown.all(".field__problem, #problems")
    assert shown.one("#country option[selected]")["value"] == country
    assert (shown.one("#full_name")["value"], shown.one("#line1")["value"]) == ("Mei Lee", "1 Queen's Road")


def test_an_order_to_a_country_without_states_and_postcodes(pages: Pages, at_delivery: Page) -> None:
    shown = pages.submit(at_delivery, FORM, press="y", country="Hong Kong")
    pages.submit(shown, FORM, full_name="Mei Lee", line1="1 Queen's Road", state="Kowloon")
    assert "1 Queen's Road, Kowloon, Hong Kong" in pages.get("/checkout/payment").words


def test_enter_in_a_text_field_goes_on(pages: Pages, at_delivery: Page) -> None:
    """The browser presses the first button of the form then, the one that changes the country."""
    assert "/checkout/payment" in pages.submit(at_delivery, FORM, press="y", **DELIVERY).url


def test_going_on_with_another_country_asks_for_its_fields(pages: Pages, at_delivery: Page) -> None:
    refused = pages.submit(at_delivery, FORM, status=422, **DELIVERY, country="United Kingdom")
    assert "in the format of United Kingdom, such as EC1Y 8SY" in refused.one("#postal_code-problem").get_text()
    assert labels_of(refused)[3:] == ["Town", "Province (optional)", "Postcode"]  # nothing typed is lost


def test_a_saved_address_to_no_country_is_refused_and_can_be_mended(pages: Pages) -> None:
    """Such addresses were saved while the country was free text; known names are read as countries."""
    asha = make_account(phone="+919876543210")
    with transaction("accounts") as session:
        for country, is_default in (("Atlantis", True), ("U.S.A.", False)):
            row = {"line1": "1 Road", "line2": "", "city": "X", "state": "Y", "postal_code": "1", "phone": ""}
            row |= {"full_name": "Asha", "country": country}
            session.add(Address(user_id=asha.id, is_default=is_default, created_at=utc_now(), **row))
    saved, known = accounts.addresses_of(asha.id)
    assert known.where.country == "United States"
    pages.sign_in(asha)
    fill_cart(pages, make_product())
    page = pages.submit(pages.get("/checkout"), FORM)
    assert "1 Road, X, Y 1, Atlantis" in page.words
    refused = pages.submit(page, FORM, status=422, saved=str(saved.id))
    assert "Choose a country from the list. Correct it in your address book" in refused.words
    edit = pages.get(f"/account/addresses/{saved.id}")
    pages.submit(edit, "form.account-form", country="India", state="MH", postal_code="411 001", phone="9876543210")
    assert accounts.get_address(asha.id, saved.id).where.postal_code == "411001"
