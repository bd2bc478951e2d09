"""Password strength, hashing and verification."""

from __future__ import annotations

from typing import Any

import bcrypt
import pytest
from argon2 import PasswordHasher
from flask import Flask

from storefront.accounts import passwords
from storefront.accounts import service as accounts
from storefront.accounts.models import User
from storefront.accounts.values import WeakPassword, WrongPassword
from storefront.db.session import transaction
from tests.factories.accounts import make_account

ARGON2 = passwords.hash_password("teapot on the lawn")
pytestmark = pytest.mark.usefixtures("real_hashing")

BCRYPT = bcrypt.hashpw(b"teapot on the lawn", bcrypt.gensalt(4)).decode()  # as the legacy shop stored it


@pytest.mark.parametrize("password", ["teapot on the lawn", "eight888", "x" * 128, "пароль и чай", "  blanks  count  "])
def test_a_password_is_hashed_with_argon2id(password: str) -> None:
    stored = passwords.hash_new_password(password)
    assert stored.startswith("$argon2id$v=19$m=19456,t=2,p=1$")
    assert passwords.verify(password, stored)
    assert not passwords.verify(password + " ", stored)
    assert not passwords.needs_rehash(stored, password)


@pytest.mark.parametrize("password", ["", "seven77", "x" * 129, "password", "PassWord1", "iloveyou1"])
def test_a_weak_password_is_refused(password: str) -> None:
    with pytest.raises(WeakPassword):
        passwords.hash_new_password(password)


def test_long_passwords_are_not_truncated() -> None:
    stored = passwords.hash_new_password("y" * 100 + "a")
    assert not passwords.verify("y" * 100 + "b", stored)


@pytest.mark.parametrize("stored", [None, ""])
def test_no_password_matches_a_missing_hash(stored: str | None) -> None:
    for password in ("", "nobody's password"):
        assert not passwords.verify(password, stored)


@pytest.mark.parametrize("stored", [None, "", ARGON2, BCRYPT], ids=["none", "empty", "argon2", "bcrypt"])
def test_a_wrong_password_takes_the_same_work_whatever_is_stored(
    stored: str | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    work: list[str] = []
    verify, checkpw = PasswordHasher.verify, bcrypt.checkpw

    def counted_verify(self: PasswordHasher, *given: Any) -> Any:
        work.append("argon2")
        return verify(self, *given)

    def counted_checkpw(*given: Any) -> Any:
        work.append("bcrypt")
        return checkpw(*given)

    monkeypatch.setattr(PasswordHasher, "verify", counted_verify)
    monkeypatch.setattr(bcrypt, "checkpw", counted_checkpw)
    assert not passwords.verify("wrong", stored)
    assert sorted(work) == ["argon2", "bcrypt"]


def test_a_legacy_bcrypt_hash_matches_only_its_password() -> None:
    assert passwords.verify("teapot on the lawn", BCRYPT)
    assert passwords.needs_rehash(BCRYPT, "teapot on the lawn")
    for wrong in ("nobody's password", "teapot on the lawn ", ""):
        assert not passwords.verify(wrong, BCRYPT)


@pytest.mark.parametrize(
    ("chosen", "typed"),
    [
        ("cafe\u0301 on the lawn", "caf\u00e9 on the lawn"),
        ("\uff54\uff45\uff41pot on it", "teapot on it"),
        ("\u1112\u1161\u11ab\u1100\u1173\u11af password", "\ud55c\uae00 password"),
        ("\ufb01ne words here", "fine words here"),
    ],
)
def test_a_password_is_the_same_from_every_keyboard(chosen: str, typed: str) -> None:
    """C14: NFD, full-width letters, jamo and ligatures."""
    for one, other in ((chosen, typed), (typed, chosen)):
        stored = passwords.hash_new_password(one)
        assert passwords.verify(other, stored)
        assert not passwords.needs_rehash(stored, other)
        assert not passwords.verify(f"{other}!", stored)


def test_hashes_of_other_spellings_from_older_versions_still_sign_in(app: Flask) -> None:
    """C14: and are replaced at the sign-in, so that the other spelling works as well."""
    decomposed, composed = "cafe\u0301 on the lawn", "caf\u00e9 on the lawn"
    for old in (
        passwords._hasher.hash(decomposed.encode()),
        bcrypt.hashpw(decomposed.encode(), bcrypt.gensalt(4)).decode(),
    ):
        account = make_account(password=None)
        with transaction("accounts") as session:
            session.get_one(User, account.id).password = old
        with pytest.raises(WrongPassword):
            accounts.sign_in(str(account.email), composed)
        assert accounts.sign_in(str(account.email), decomposed)
        assert accounts.sign_in(str(account.email), composed)


def test_the_length_of_a_password_is_that_of_its_normal_form() -> None:
    """C14: one letter of four code points is one character."""
    with pytest.raises(WeakPassword):
        passwords.check_strength("e\u0301" * 7)
    passwords.check_strength("e\u0301" * 8)
