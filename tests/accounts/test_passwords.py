"""What is accepted as a password, and how it is kept."""

from __future__ import annotations

import pytest

from storefront.accounts import passwords
from storefront.accounts.service import WeakPassword


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
