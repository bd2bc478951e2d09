"""Data export and deletion of an account, also when the process is killed in between."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest
import sqlalchemy as sa
from flask import Flask

from storefront.accounts import one_time_codes
from storefront.accounts import service as accounts
from storefront.accounts.models import Address, Message, OneTimeCode, PaymentMethod, User, UserSession
from storefront.accounts.values import Account, Purpose, UnknownUser, WrongCode, WrongPassword
from storefront.cart import service as cart
from storefront.catalog import reviews
from storefront.catalog import service as catalog
from storefront.checkout import service as checkout
from storefront.checkout.models import Checkout
from storefront.db import outbox
from storefront.db.session import read_session
from storefront.orders import service as orders
from storefront.worker import tasks
from tests.accounts.test_addresses import HOME
from tests.conftest import ENGINES
from tests.factories.accounts import PASSWORD, make_account
from tests.factories.catalog import make_product
from tests.factories.shopping import make_draft, make_snapshot, new_checkout_id, place
from tests.fakes import Clock
from tests.isolated_shop import own_shop


@pytest.fixture
def asha(app: Flask) -> Account:
    return add_data(make_account())


def add_data(account: Account) -> Account:
    """Give an account one row of everything."""
    accounts.add_address(account.id, HOME)
    accounts.add_method(account.id, "UPI", "asha@okbank")
    accounts.open_session(account.id, "a browser")
    accounts.add_wishlist_item(account.id, 5)
    return account


def owned(user: int) -> dict[str, int]:
    """Number of rows of a user, by table."""
    tables = (Address, PaymentMethod, UserSession, OneTimeCode)
    counts = {one: sa.select(sa.func.count()).where(one.user_id == user) for one in tables}
    return {one.__tablename__: read_session().scalar(count) or 0 for one, count in counts.items()}


def order_of(account: Account) -> str:
    snapshot = replace(make_snapshot(email=account.email or ""), customer_id=account.id)
    return orders.create_order(new_checkout_id(), snapshot)


def deliver() -> int:
    return outbox.deliver("accounts", outbox.outboxes()["accounts"], tasks.SUBSCRIPTIONS)


def test_the_export_has_everything_and_no_secret(asha: Account) -> None:
    exported = accounts.export_of(asha.id)
    text = json.dumps(exported, default=str)
    assert exported["account"]["email"] == asha.email
    assert exported["addresses"][0].where == HOME
    assert exported["payment_methods"][0].details == "ash***@okbank"
    assert exported["sign_ins"][0]["device"] == "a browser"
    stored = read_session().get_one(User, asha.id)
    session = read_session().scalars(sa.select(UserSession).where(UserSession.user_id == asha.id)).one()
    for secret in (stored.password or "?", session.reference, "argon2", "asha@okbank"):
        assert secret not in text


def test_the_right_password_deletes_an_account_and_all_its_data(asha: Account) -> None:
    accounts.delete_account(asha.id, password=PASSWORD)
    with pytest.raises(UnknownUser):
        accounts.get_account(asha.id)
    assert set(owned(asha.id).values()) == {0}
    assert accounts.items_of(asha.id) == ()


@pytest.mark.parametrize("password", ["", "wrong", PASSWORD.upper()])
def test_a_wrong_password_deletes_nothing(asha: Account, password: str) -> None:
    before = owned(asha.id)
    with pytest.raises(WrongPassword):
        accounts.delete_account(asha.id, password=password)
    assert owned(asha.id) == before


def code_sent_to(address: str | None) -> str:
    row = read_session().scalars(sa.select(OneTimeCode).where(OneTimeCode.address == address)).one()
    sent = one_time_codes.find_sent(row.id)
    assert sent is not None
    assert sent.purpose is Purpose.DELETION
    return sent.digits


def test_an_account_without_a_password_is_deleted_by_a_code(app: Flask) -> None:
    ravi = make_account(password=None)
    assert accounts.send_deletion_code(ravi.id) == ravi.email
    digits = code_sent_to(ravi.email)
    for wrong in ("", f"{(int(digits) + 1) % 10**6:06}"):
        with pytest.raises(WrongCode):
            accounts.delete_account(ravi.id, code=wrong)
    accounts.delete_account(ravi.id, code=digits)
    with pytest.raises(UnknownUser):
        accounts.get_account(ravi.id)


def test_an_account_with_a_password_is_not_deleted_by_a_code(asha: Account) -> None:
    accounts.send_deletion_code(asha.id)
    with pytest.raises(WrongPassword):
        accounts.delete_account(asha.id, code=code_sent_to(asha.email))


def test_the_other_domains_erase_or_anonymise_their_data(asha: Account) -> None:
    mug = make_product()
    number = order_of(asha)
    author = reviews.Author(asha.id, asha.name)
    reviews.write_review(mug.id, author, reviews.ReviewDraft(5, "Good", "Holds tea."), is_verified=True)
    cart.add_line(cart.cart_key_of(asha.id), mug.sku, 1)
    draft = make_draft(cart.cart_key_of(asha.id))
    accounts.delete_account(asha.id, password=PASSWORD)
    deliver()
    order = orders.get_order(number)
    assert (order.customer_id, order.address.full_name, order.email) == (None, "Asha Rao", asha.email)
    assert [review.author for review in catalog.get_product(mug.id).reviews] == ["A former customer"]
    assert cart.count_units(cart.cart_key_of(asha.id)) == 0
    assert checkout.get_draft(draft.id, cart.cart_key_of(asha.id)).contact is None


def stop(*args: object) -> None:
    raise OSError("killed")


@pytest.mark.parametrize(
    "killed_at", ["checkout.erase", "cart.forget", "orders.erase_customer", "reviews.anonymise_author"]
)
def test_a_deletion_killed_at_any_step_is_completed_by_the_next_delivery(
    asha: Account, now: Clock, monkeypatch: pytest.MonkeyPatch, killed_at: str
) -> None:
    number = order_of(asha)
    cart.add_line(cart.cart_key_of(asha.id), make_product().sku, 1)
    accounts.delete_account(asha.id, password=PASSWORD)
    with monkeypatch.context() as broken:
        broken.setattr(f"storefront.worker.tasks.{killed_at}", stop)
        deliver()
    message = sa.select(Message.delivered_at).where(Message.key == f"account-deleted/{asha.id}")
    assert read_session().scalar(message) is None
    now.advance(minutes=5)
    deliver()
    assert orders.get_order(number).customer_id is None
    assert cart.count_units(cart.cart_key_of(asha.id)) == 0


def test_a_checkout_in_progress_is_completed_before_it_is_erased(asha: Account, now: Clock) -> None:
    token = cart.cart_key_of(asha.id)
    cart.add_line(token, make_product().sku, 1)
    draft = make_draft(token, payment="sandbox-timeout")
    place(draft, token)
    accounts.delete_account(asha.id, password=PASSWORD)
    deliver()
    row = read_session().get_one(Checkout, draft.id)
    assert row.plan
    now.advance(minutes=20)
    checkout.resume_unfinished()
    deliver()
    assert read_session().get_one(Checkout, draft.id).plan == {}
    assert orders.export_of(asha.id) == []


@pytest.mark.parametrize("engine", ENGINES)
def test_the_id_of_a_deleted_account_is_never_given_to_another(engine: str, tmp_path: Path) -> None:
    with own_shop(engine, tmp_path) as app, app.app_context():
        last = make_account()
        accounts.delete_account(last.id, password=PASSWORD)
        assert make_account().id > last.id
