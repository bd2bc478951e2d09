"""Import of accounts, addresses, payment methods and wishlists."""

from __future__ import annotations

import pytest
from flask import Flask
from sqlalchemy import select

from storefront.accounts import service as accounts
from storefront.accounts.models import PaymentMethod, User
from storefront.accounts.values import Role, UnknownUser, UserId
from storefront.db.session import read_session, transaction
from tests.legacy_import import old_shop as tables
from tests.legacy_import.conftest import Import
from tests.legacy_import.old_shop import SECRET, OldShop

ASHA = UserId(7001)


def test_an_account_keeps_its_id_and_signs_in_with_its_old_password_which_is_then_hashed_anew(
    app: Flask, old: OldShop, read: Import
) -> None:
    old.user(ASHA, email=" Asha@Example.COM ", phone="098765 43210", mfa_enabled=True)
    old.add(tables.PROFILES, id=1, user_id=ASHA, full_name="Asha Rao", avatar_url="https://pictures.example/asha.png")
    read()
    account = accounts.get_account(ASHA)
    assert (account.email, account.phone, account.name) == ("asha@example.com", "+919876543210", "Asha Rao")
    assert (account.has_verified_email, account.mfa_enabled, account.role) == (True, False, Role.CUSTOMER)
    assert account.avatar == "https://pictures.example/asha.png"
    assert stored_hash(ASHA).startswith("$2b$")
    assert accounts.sign_in("asha@example.com", SECRET) == account
    assert stored_hash(ASHA).startswith("$argon2id$")


def stored_hash(user: int) -> str:
    return read_session().scalars(select(User.password).where(User.id == user)).one() or ""


@pytest.mark.parametrize("prefix", ["$2a", "{bcrypt}$2a", "$2y"])
def test_every_kind_of_bcrypt_hash_lets_its_owner_in(app: Flask, old: OldShop, read: Import, prefix: str) -> None:
    old.user(ASHA, email="asha@example.com", password_hash=tables.BCRYPT.replace("$2b", prefix))
    read()
    assert accounts.sign_in("asha@example.com", SECRET).id == ASHA


@pytest.mark.parametrize("kept", ["letmein1", "5f4dcc3b5aa765d61d8327deb882cf99", "$2b$31$" + "a" * 53])
def test_a_password_in_plain_text_is_not_taken_over_and_nothing_says_what_it_was(
    app: Flask, old: OldShop, read: Import, kept: str
) -> None:
    old.user(ASHA, password_hash=kept)
    output = read().output
    assert not accounts.get_account(ASHA).has_password
    assert "users: its password is not a bcrypt hash: it needs a new one: 1 (id 7001)" in output
    assert kept not in output


def test_the_next_account_has_an_id_after_the_last_that_came(app: Flask, old: OldShop, read: Import) -> None:
    old.user(ASHA)
    read()
    assert accounts.open_accounts([("Ravi", "ravi@example.com")])[0].id > ASHA


def test_of_two_accounts_whose_addresses_differ_by_case_the_first_comes(app: Flask, old: OldShop, read: Import) -> None:
    old.user(ASHA, email="asha@example.com")
    old.user(7002, email="ASHA@example.com")
    assert "users: another account has its e-mail address: 1 (id 7002)" in read().output
    with pytest.raises(UnknownUser):
        accounts.get_account(UserId(7002))


def test_an_id_that_somebody_has_here_is_not_given_away_nor_what_belongs_to_it(
    app: Flask, old: OldShop, read: Import
) -> None:
    mine = accounts.open_accounts([("Ravi", "ravi@example.com")])[0].id
    old.user(mine, email="asha@example.com")
    old.address(1, mine)
    output = read().output
    assert f"users: another account here has its id: 1 (id {mine})" in output
    assert "addresses: its account is not here: 1 (id 1)" in output
    assert accounts.get_account(mine).email == "ravi@example.com"
    assert accounts.addresses_of(mine) == []


@pytest.mark.parametrize(
    ("row", "output", "phone"),
    [
        ({"phone": ""}, "", None),
        ({"phone": None}, "", None),
        ({"phone": "12"}, "its phone number is invalid: left out", None),
        ({"phone": "+91 98765 43210"}, "", "+919876543210"),
    ],
)
def test_only_valid_phone_numbers_are_imported(
    app: Flask, old: OldShop, read: Import, row: dict[str, str], output: str, phone: str | None
) -> None:
    old.user(ASHA, **row)
    assert output in read().output
    assert accounts.get_account(ASHA).phone == phone


def test_of_two_accounts_with_one_phone_number_the_second_goes_without(app: Flask, old: OldShop, read: Import) -> None:
    old.user(ASHA, phone="9876543210")
    old.user(7002, phone="+91-98765-43210")
    assert "users: another account has its phone number: left out: 1 (id 7002)" in read().output
    assert accounts.get_account(UserId(7002)).phone is None


def test_an_account_without_identifier_is_skipped(app: Flask, old: OldShop, read: Import) -> None:
    old.user(ASHA, email="not an address", phone="")
    assert "it has no valid e-mail address or phone number: 1 (id 7001)" in read().output


def test_staff_roles_are_reported_and_not_imported(app: Flask, old: OldShop, read: Import) -> None:
    old.user(ASHA, role="ROLE_ADMIN")
    output = read().output
    assert "its role ROLE_ADMIN was not imported: use flask --app wsgi staff role: 1 (id 7001)" in output
    assert accounts.get_account(ASHA).role is Role.CUSTOMER


def test_addresses_come_with_one_default_each_book(app: Flask, old: OldShop, read: Import) -> None:
    old.user(ASHA)
    old.user(7002)
    old.address(1, ASHA)
    old.address(2, ASHA, is_default=True, address_line2="Flat 3", country=None)
    old.address(3, ASHA, is_default=True)
    old.address(4, 7002)
    read()
    kept = accounts.addresses_of(ASHA)
    assert [address.is_default for address in kept] == [True, False, False]
    assert (kept[0].where.line2, kept[0].where.country, kept[0].where.postal_code) == ("Flat 3", "India", "411001")
    assert [address.is_default for address in accounts.addresses_of(UserId(7002))] == [True]


@pytest.mark.parametrize(
    ("row", "output"),
    [
        ({"city": " "}, "it lacks street, city, state or postal code"),
        ({"zip_code": "4" * 21}, "its postal code has more than 20 characters"),
    ],
)
def test_an_incomplete_address_is_skipped(
    app: Flask, old: OldShop, read: Import, row: dict[str, str], output: str
) -> None:
    old.user(ASHA)
    old.address(1, ASHA, **row)
    assert f"addresses: {output}: 1 (id 1)" in read().output


@pytest.mark.parametrize(
    ("provider", "token", "details"),
    [
        ("VISA", "card_1705314600000_4242", "4242"),
        ("CARD", "Asha|4242|12/2027", "4242"),
        ("UPI", "ashar@okbank", "ash***@okbank"),
        ("BNPL", "Klarna", "Klarna"),
        ("COD", "COD_TOKEN", ""),
    ],
)
def test_payment_methods_are_imported_masked(
    app: Flask, old: OldShop, read: Import, provider: str, token: str, details: str
) -> None:
    old.user(ASHA)
    old.add(tables.METHODS, id=1, user_id=ASHA, provider=provider, token=token, is_default=True)
    read()
    (method,) = accounts.methods_of(ASHA)
    assert (method.provider, method.details, method.is_default) == (provider, details, True)


@pytest.mark.parametrize("token", ["4242 4242 4242 4242", "Asha|4242424242424242|12/2027", "4242424242424242"])
def test_of_a_card_number_four_digits_are_kept_and_reported(app: Flask, old: OldShop, read: Import, token: str) -> None:
    old.user(ASHA)
    old.add(tables.METHODS, id=1, user_id=ASHA, provider="VISA", token=token)
    output = read().output
    assert "payment methods: it held a whole card number: the last four digits are kept: 1 (id 1)" in output
    (method,) = accounts.methods_of(ASHA)
    assert method.details == "4242"
    row = read_session().scalars(select(PaymentMethod)).one()
    assert not any("42424242" in str(value) for value in vars(row).values())


@pytest.mark.parametrize(
    ("provider", "token", "output"),
    [
        ("UPI", "nothing like one", "A UPI id looks like asha@okbank"),
        ("4242424242424242", "card_1_4242", "it contains a card number outside the number field"),
    ],
)
def test_unusable_payment_methods_are_skipped(
    app: Flask, old: OldShop, read: Import, provider: str, token: str, output: str
) -> None:
    old.user(ASHA)
    old.add(tables.METHODS, id=1, user_id=ASHA, provider=provider, token=token)
    assert f"payment methods: {output}: 1 (id 1)" in read().output
    assert accounts.methods_of(ASHA) == []


def test_wishlist_items_are_imported_once_and_for_imported_products_only(
    app: Flask, old: OldShop, read: Import
) -> None:
    old.user(ASHA)
    old.product(5001)
    old.add_all(tables.WISHES, [{"id": n, "user_id": ASHA, "product_id": p} for n, p in ((1, 5001), (2, 5001), (3, 5))])
    output = read().output
    assert "wishlist: the product is on the list already: 1 (id 2)" in output
    assert "wishlist: its product was not imported: 1 (id 3)" in output  # the shop has a product 5, but it is another
    assert accounts.wishlist_product_ids(ASHA) == {5001}


def test_a_second_import_does_not_undo_changes(app: Flask, old: OldShop, read: Import) -> None:
    old.user(ASHA)
    old.user(7002)
    old.product(5001)
    old.address(1, ASHA)
    old.add(tables.WISHES, id=1, user_id=ASHA, product_id=5001)
    read()
    accounts.change_profile(ASHA, {"name": "Asha R."})
    accounts.remove_address(ASHA, accounts.addresses_of(ASHA)[0].id)
    accounts.remove_wishlist_item(ASHA, 5001)
    with transaction("accounts") as session:
        session.delete(session.get_one(User, 7002))
    read()
    assert accounts.get_account(ASHA).name == "Asha R."
    assert accounts.addresses_of(ASHA) == []
    assert accounts.wishlist_product_ids(ASHA) == frozenset()
    with pytest.raises(UnknownUser):
        accounts.get_account(UserId(7002))
