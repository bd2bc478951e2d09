"""What a password's hash costs in tests: next to nothing, but where the cost itself is tested."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from argon2 import PasswordHasher

from storefront.accounts import passwords
from tests.factories import accounts as factory

_REAL = passwords._hasher, passwords.LEGACY_BCRYPT_COST
_CHEAP = PasswordHasher(time_cost=1, memory_cost=8, parallelism=1), 4


def cheap() -> Iterator[None]:
    return _at_the_cost_of(*_CHEAP)


def real() -> Iterator[None]:
    return _at_the_cost_of(*_REAL)


def _at_the_cost_of(hasher: PasswordHasher, old_cost: int) -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(passwords, "_hasher", hasher)
        patch.setattr(passwords, "LEGACY_BCRYPT_COST", old_cost)
        _forget()
        yield
    _forget()


def _forget() -> None:
    """Hashes made at another cost."""
    for made in (passwords._dummy_argon2_hash, passwords._dummy_bcrypt_hash, factory._hashed):
        made.cache_clear()
