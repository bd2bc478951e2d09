"""Password hashing at a minimal cost for tests, and at the real cost for tests of the hashing itself."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from argon2 import PasswordHasher

from storefront.accounts import passwords
from tests.factories import accounts as factory

_REAL = passwords._hasher, passwords.LEGACY_BCRYPT_COST
_CHEAP = PasswordHasher(time_cost=1, memory_cost=8, parallelism=1), 4


def cheap() -> Iterator[None]:
    """Hash at a minimal cost until the generator is resumed."""
    return _with_cost(*_CHEAP)


def real() -> Iterator[None]:
    """Hash at the cost of production until the generator is resumed."""
    return _with_cost(*_REAL)


def _with_cost(hasher: PasswordHasher, old_cost: int) -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(passwords, "_hasher", hasher)
        patch.setattr(passwords, "LEGACY_BCRYPT_COST", old_cost)
        _clear_caches()
        yield
    _clear_caches()


def _clear_caches() -> None:
    """Drop cached hashes that were made at another cost."""
    for cached in (passwords._dummy_argon2_hash, passwords._dummy_bcrypt_hash, factory._hashed):
        cached.cache_clear()
