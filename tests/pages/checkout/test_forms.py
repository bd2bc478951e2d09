"""Validation of the checkout's forms."""

from __future__ import annotations

import pytest
from werkzeug.datastructures import MultiDict
from wtforms.fields.choices import SelectChoice

from storefront.checkout.values import Contact
from storefront.core.addresses import PostalAddress
from storefront.pages.checkout.forms import ContactForm, DeliveryForm, PaymentForm
from tests.factories.shopping import ADDRESS, CONTACT, DELIVERY

pytestmark = pytest.mark.usefixtures("app")


def contact_form(**typed: str) -> ContactForm:
    return ContactForm(MultiDict(CONTACT | typed), meta={"csrf": False})


def delivery_form(**typed: str) -> DeliveryForm:
    return DeliveryForm(MultiDict(DELIVERY | {"line2": "", "country": "India"} | typed), meta={"csrf": False})


def payment_form(option: str, **typed: str) -> PaymentForm:
    form = PaymentForm(MultiDict({"option": option} | typed), meta={"csrf": False})
    form.option.choices = [SelectChoice(code, code) for code in ("cod", "upi", "bnpl")]
    return form


def problem_with(form: ContactForm | DeliveryForm | PaymentForm, field: str) -> str:
    """The one message of the one field that is wrong."""
    assert not form.validate()
    assert set(form.errors) == {field}
    (message,) = form.errors[field]
    return str(message)


# ---------------------------------------------------------------------------------------------- contact


def test_a_contact_is_an_address_and_a_number() -> None:
    form = contact_form()
    assert form.validate()
    assert form.contact() == Contact("asha@example.com", "+91 98765 43210")


@pytest.mark.parametrize(
    ("typed", "kept"),
    [
        ("  asha@example.com ", "asha@example.com"),
        ("Asha.Rao+shop@EXAMPLE.com", "Asha.Rao+shop@example.com"),
        ("asha@bücher.example", "asha@bücher.example"),
    ],
)
def test_an_email_address_is_normalized(typed: str, kept: str) -> None:
    form = contact_form(email=typed)
    assert form.validate(), form.errors
    assert form.contact().email == kept


@pytest.mark.parametrize(
    "typed", ["asha", "asha@", "@example.com", "asha@example", "a b@c.in", "a@b@c.com", "आशा@example.com"]
)
def test_an_invalid_email_address_is_refused_and_shown_as_typed(typed: str) -> None:
    form = contact_form(email=typed)
    assert "does not look like an e-mail address" in problem_with(form, "email")
    assert form.email.data == typed


@pytest.mark.parametrize(
    ("typed", "kept"),
    [
        ("9876543210", "+91 98765 43210"),
        ("098765-43210", "+91 98765 43210"),
        ("+91 98765 43210", "+91 98765 43210"),
        ("+44 20 7946 0018", "+44 20 7946 0018"),
    ],
)
def test_a_phone_number_without_country_code_gets_the_shops(typed: str, kept: str) -> None:
    form = contact_form(phone=typed)
    assert form.validate(), form.errors
    assert form.contact().phone == kept


@pytest.mark.parametrize(
    ("typed", "words"),
    [("call me", "with digits"), ("12", "too short"), ("98765432109876543", "too short or too long")],
)
def test_an_invalid_phone_number_is_refused_and_shown_as_typed(typed: str, words: str) -> None:
    form = contact_form(phone=typed)
    assert words in problem_with(form, "phone")
    assert form.phone.data == typed


def test_a_phone_number_with_extension_is_accepted_up_to_the_columns_length() -> None:
    form = contact_form(phone="9876543210 ext 123")
    assert form.validate()
    assert form.contact().phone == "+91 98765 43210 ext. 123"
    assert "too long" in problem_with(contact_form(phone="9876543210 ext 1234567890123456"), "phone")


@pytest.mark.parametrize(("field", "words"), [("email", "Enter your e-mail"), ("phone", "Enter a phone number")])
@pytest.mark.parametrize("typed", ["", "   ", "\0"])
def test_an_empty_contact_field_has_its_own_error(field: str, words: str, typed: str) -> None:
    assert words in problem_with(contact_form(**{field: typed}), field)


def test_an_overlong_email_address_is_refused() -> None:
    form = contact_form(email="a" * 300 + "@example.com")
    assert not form.validate()
    assert "Use at most 254 characters" in form.errors["email"]


# --------------------------------------------------------------------------------------------- delivery


def test_an_address_has_the_phone_number_of_the_contact_step() -> None:
    form = delivery_form()
    assert form.validate()
    assert form.address("+91 98765 43210") == ADDRESS


def test_whitespace_is_trimmed_and_squeezed() -> None:
    form = delivery_form(full_name="  Asha \t Rao\n", line2=" 3rd   floor ")
    assert form.validate()
    address: PostalAddress = form.address("")
    assert (address.full_name, address.line2) == ("Asha Rao", "3rd floor")


@pytest.mark.parametrize("typed", ["411001", "411 001", " 411001 ", "411-001", "४११००१"])
def test_an_indian_pin_code_has_six_digits(typed: str) -> None:
    assert delivery_form(postal_code=typed).validate()


@pytest.mark.parametrize("typed", ["41100", "4110011", "41100A", "SW1A 1AA", "²²²²²²"])
@pytest.mark.parametrize("country", ["India", "india"])
def test_an_invalid_indian_pin_code_is_refused_and_shown_as_typed(typed: str, country: str) -> None:
    form = delivery_form(postal_code=typed, country=country)
    assert problem_with(form, "postal_code") == "Enter the PIN code in the format of India, such as 110034"
    assert form.postal_code.data == typed


def test_postal_codes_of_other_countries_are_accepted() -> None:
    assert delivery_form(postal_code="SW1A 1AA", country="United Kingdom").validate()


@pytest.mark.parametrize("field", ["full_name", "line1", "city", "state", "postal_code"])
@pytest.mark.parametrize("typed", ["", "   ", "\0"])
def test_an_empty_address_field_has_its_own_error(field: str, typed: str) -> None:
    assert problem_with(delivery_form(**{field: typed}), field).startswith("Enter ")


@pytest.mark.parametrize("typed", ["", "  ", "Atlantis", "x" * 101, "4242 4242 4242 4242"])
def test_a_country_that_does_not_exist_is_refused(typed: str) -> None:
    """C10."""
    assert problem_with(delivery_form(country=typed), "country") == "Choose a country from the list"


def test_the_second_address_line_is_optional() -> None:
    form = delivery_form(line2="")
    assert form.validate()
    assert form.address("").line2 == ""


@pytest.mark.parametrize(
    ("field", "longest"),
    [("full_name", 255), ("line1", 500), ("line2", 500), ("city", 100), ("state", 100)],
)
def test_a_field_accepts_the_columns_length_and_no_more(field: str, longest: int) -> None:
    assert delivery_form(**{field: "x" * longest, "postal_code": "411001"}).validate()
    assert f"at most {longest} characters" in problem_with(delivery_form(**{field: "x" * (longest + 1)}), field)


# ---------------------------------------------------------------------------------------------- payment


@pytest.mark.parametrize(
    ("option", "typed", "entry"),
    [
        ("cod", {}, ""),
        ("upi", {"upi_id": " asha@okbank "}, "asha@okbank"),
        ("bnpl", {"lender": "Affirm"}, "Affirm"),
        ("upi", {"upi_id": "asha@okbank", "lender": "Nobody"}, "asha@okbank"),
        ("bnpl", {"upi_id": "nonsense", "lender": "Klarna"}, "Klarna"),
        ("cod", {"upi_id": "nonsense", "lender": "Nobody"}, ""),
    ],
)
def test_only_the_details_of_the_chosen_option_are_read(option: str, typed: dict[str, str], entry: str) -> None:
    form = payment_form(option, **typed)
    assert form.validate(), form.errors
    assert form.entry() == entry


@pytest.mark.parametrize("typed", ["", "  ", "asha", "asha@", "4242 4242 4242 4242"])
def test_paying_by_upi_needs_a_upi_id(typed: str) -> None:
    form = payment_form("upi", upi_id=typed)
    assert "such as asha@okbank" in problem_with(form, "upi_id")


def test_paying_by_upi_without_the_field_is_refused_too() -> None:
    assert "Enter your UPI ID" in problem_with(payment_form("upi"), "upi_id")


@pytest.mark.parametrize("typed", [{}, {"lender": ""}, {"lender": "Nobody"}])
def test_paying_later_needs_a_lender(typed: dict[str, str]) -> None:
    assert "Choose a pay-later provider" in problem_with(payment_form("bnpl", **typed), "lender")
