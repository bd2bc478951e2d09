"""Data export and account deletion, as pages."""

from __future__ import annotations

import pytest

from storefront.accounts import one_time_codes
from storefront.accounts import service as accounts
from storefront.accounts.models import OneTimeCode
from storefront.accounts.values import Account, UnknownUser
from storefront.catalog import reviews
from storefront.db.session import read_session
from storefront.orders import service as orders
from storefront.orders.values import OrderStatus
from tests.accounts.test_deletion import add_data, order_of
from tests.factories.accounts import PASSWORD, make_account
from tests.factories.catalog import make_product, rupees
from tests.factories.refunds import ask_return, make_order_at, refund
from tests.factories.shopping import buy
from tests.page_client import Pages

pytestmark = pytest.mark.both_engines

DELETE = "form.account-form"


@pytest.fixture
def asha(pages: Pages) -> Account:
    account = add_data(make_account())
    pages.sign_in(account)
    return account


def test_the_export_has_the_data_of_every_domain(pages: Pages, asha: Account) -> None:
    number = order_of(asha)
    mug = make_product(name="Clay Mug")
    reviews.write_review(
        mug.id, reviews.Author(asha.id, asha.name), reviews.ReviewDraft(4, "Good", "Holds tea."), is_verified=False
    )
    response = pages.client.get("/account/data.json")
    exported = response.get_json()
    assert response.headers["Content-Disposition"] == f"attachment; filename=account-{asha.id}.json"
    assert response.headers["Cache-Control"] == "no-store"
    assert exported["account"]["email"] == asha.email
    assert exported["addresses"][0]["where"]["line1"] == "12 Lake Road"
    assert exported["payment_methods"][0]["details"] == "ash***@okbank"
    assert exported["wishlist"][0]["product_id"] == 5
    assert [(one["product"], one["review"]["title"]) for one in exported["reviews"]] == [("Clay Mug", "Good")]
    assert [(order["id"], order["grand_total"]["currency"]) for order in exported["orders"]] == [(number, "INR")]


def test_the_export_has_returns_and_refunds(pages: Pages, asha: Account) -> None:
    mug = make_product(name="Clay Mug", price=500)
    order = orders.get_order(buy(pages, mug, 3).one(".order-number").get_text())
    for step in (OrderStatus.PROCESSING, OrderStatus.SHIPPED, OrderStatus.DELIVERED):
        orders.advance(order.id, step, by="the shop")
    number = ask_return(order, 2, note="It is chipped")
    orders.approve_return(number, restock=True, with_shipping=True, actor="meera@example.com")
    refund(order, amount=rupees(5), reason="She is angry")
    ask_return(make_order_at(OrderStatus.DELIVERED), 1)
    response = pages.client.get("/account/data.json")
    exported = response.get_json()
    goods = [{"sku": mug.sku, "name": "Clay Mug", "option": "", "quantity": 2}]
    (returned,) = exported["returns"]
    assert (returned["number"], returned["order"], returned["goods"]) == (number, order.id, goods)
    assert (returned["reason"], returned["note"], returned["state"]) == ("unwanted", "It is chipped", "approved")
    assert [one["amount"]["amount"] for one in exported["refunds"]] == ["1680.00", "5.00"]
    assert (exported["refunds"][0]["goods"], exported["refunds"][0]["return"]) == (goods, number)
    for internal in ("meera@example.com", "She is angry"):
        assert internal not in response.text


def test_the_export_has_no_data_of_other_accounts(pages: Pages, asha: Account) -> None:
    ravi = add_data(make_account(name="Ravi Kumar", email="ravi@example.org"))
    number = order_of(ravi)
    text = pages.client.get("/account/data.json").text
    for foreign in ("Ravi", "ravi@example.org", number):
        assert foreign not in text


def test_an_account_is_deleted_by_its_password_and_signed_out(pages: Pages, asha: Account) -> None:
    page = pages.submit(pages.get("/account/deletion"), DELETE, password=PASSWORD)
    assert (page.url, "Your account is deleted" in page.words) == ("/", True)
    assert pages.get("/account").url.startswith("/login")
    with pytest.raises(UnknownUser):
        accounts.get_account(asha.id)


@pytest.mark.parametrize("password", ["", "wrong"])
def test_a_wrong_password_deletes_nothing(pages: Pages, asha: Account, password: str) -> None:
    refused = pages.submit(pages.get("/account/deletion"), DELETE, status=422, password=password)
    assert refused.one("#problems a")["href"] == "#password"
    assert accounts.get_account(asha.id) == asha


def test_the_page_explains_what_is_deleted_and_what_is_kept(pages: Pages, asha: Account) -> None:
    words = pages.get("/account/deletion").words
    for text in ("the law requires shops to keep invoices", "A former customer", "cannot be undone"):
        assert text in words


def test_an_account_without_a_password_is_deleted_by_a_code(pages: Pages) -> None:
    ravi = make_account(password=None)
    pages.sign_in(ravi)
    page = pages.submit(pages.get("/account/deletion"), "form[action$='deletion/code']")
    assert f"We sent a code to {ravi.email}" in page.words
    again = pages.submit(page, "form[action$='deletion/code']")
    assert "You can request another in" in again.words
    refused = pages.submit(page, DELETE, status=422, code="1")
    assert "not the code" in refused.one("#problems").get_text()
    row = read_session().query(OneTimeCode).one()
    sent = one_time_codes.find_sent(row.id)
    assert sent is not None
    assert pages.submit(refused, DELETE, code=sent.digits).url == "/"
    with pytest.raises(UnknownUser):
        accounts.get_account(ravi.id)
