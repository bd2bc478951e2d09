"""Password strength, hashing and verification."""

from __future__ import annotations

from typing import Any

import bcrypt
import pytest
from argon2 import PasswordHasher

from storefront.accounts import passwords
from storefront.accounts.values import WeakPassword

ARGON2 = passwords.hash_password("teapot on the lawn")
pytestmark = pytest.mark.usefixtures("real_hashing")

BCRYPT = bcrypt.hashpw(b"teapot on the lawn", bcrypt.gensalt(4)).decode()  # as the legacy shop stored it


@pytest.mark.parametrize("password", ["teapot on the lawn", "eight888", "x" * 128, "пароль и чай", "  blanks  count  "])
def test_a_password_is_hashed_with_argon2id(password: str) -> None:
    stored = passwords.hash_new_password(password)
    assert stored.startswith("$argon2id$v=19$m=19456,t=2,p=1$")
    assert passwords.verify(password, stored)
    assert not passwords.verify(password + " ", stored)
    assert not passwords.needs_rehash(stored)


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
    assert passwords.needs_rehash(BCRYPT)
    for wrong in ("nobody's password", "teapot on the lawn ", ""):
        assert not passwords.verify(wrong, BCRYPT)
