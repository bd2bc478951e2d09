"""What is accepted as a password, and how it is kept."""

from __future__ import annotations

from typing import Any

import bcrypt
import pytest
from argon2 import PasswordHasher

from storefront.accounts import passwords
from storefront.accounts.service import WeakPassword

OURS = passwords.hashed_anew("teapot on the lawn")
pytestmark = pytest.mark.usefixtures("real_hashing")

OLD = bcrypt.hashpw(b"teapot on the lawn", bcrypt.gensalt(4)).decode()  # as the old system kept it


@pytest.mark.parametrize("password", ["teapot on the lawn", "eight888", "x" * 128, "пароль и чай", "  blanks  count  "])
def test_a_password_is_kept_as_its_hash_only(password: str) -> None:
    kept = passwords.hashed(password)
    assert kept.startswith("$argon2id$v=19$m=19456,t=2,p=1$")
    assert passwords.fits(password, kept)
    assert not passwords.fits(password + " ", kept)
    assert not passwords.is_outdated(kept)


@pytest.mark.parametrize("password", ["", "seven77", "x" * 129, "password", "PassWord1", "iloveyou1"])
def test_a_weak_one_is_refused(password: str) -> None:
    with pytest.raises(WeakPassword):
        passwords.hashed(password)


def test_nothing_is_cut_off() -> None:
    kept = passwords.hashed("y" * 100 + "a")
    assert not passwords.fits("y" * 100 + "b", kept)


@pytest.mark.parametrize("kept", [None, ""])
def test_no_password_is_fitted_by_none(kept: str | None) -> None:
    for password in ("", "nobody's password"):
        assert not passwords.fits(password, kept)


@pytest.mark.parametrize("kept", [None, "", OURS, OLD], ids=["none", "empty", "ours", "old"])
def test_a_wrong_password_costs_the_same_work_whatever_is_kept(
    kept: str | None, monkeypatch: pytest.MonkeyPatch
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
    assert not passwords.fits("wrong", kept)
    assert sorted(work) == ["argon2", "bcrypt"]


def test_a_hash_of_the_old_system_fits_its_password_alone() -> None:
    assert passwords.fits("teapot on the lawn", OLD)
    assert passwords.is_outdated(OLD)
    for wrong in ("nobody's password", "teapot on the lawn ", ""):
        assert not passwords.fits(wrong, OLD)
