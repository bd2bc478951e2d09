"""Passwords: what is accepted, how it is kept, how it is compared."""

from __future__ import annotations

import threading
from contextlib import suppress
from functools import cache

import bcrypt
from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError
from zxcvbn.frequency_lists import FREQUENCY_LISTS

from storefront.accounts.values import WeakPassword

MIN_LENGTH = 8  # characters; ASVS 5.0, 6.2.1
MAX_LENGTH = 128  # characters; 6.2.9 asks for 64 at least, a bound keeps hashing cheap
OLD_COST = 10  # of bcrypt; what Spring's BCryptPasswordEncoder takes unless told otherwise
COMMON = 10_000  # the list's first so many are refused; 6.2.4 asks for the top 3000

# OWASP Password Storage Cheat Sheet: Argon2id, 19 MiB, two passes, one lane.
_hasher = PasswordHasher(time_cost=2, memory_cost=19 * 1024, parallelism=1)
_room = threading.BoundedSemaphore(4)  # hashes at once in one process: 76 MiB at most


@cache
def _common() -> frozenset[str]:
    ranked = FREQUENCY_LISTS["passwords"]
    return frozenset(ranked[:COMMON])


@cache
def _dummy() -> str:
    """What is compared where there is no Argon2 hash to compare with, so that the answer takes as long."""
    return _hasher.hash("nobody's password")


@cache
def _old_dummy() -> bytes:
    """The same for bcrypt, as the old system made its hashes."""
    return bcrypt.hashpw(b"nobody's password", bcrypt.gensalt(OLD_COST))


def check_strength(password: str) -> None:
    """:raise WeakPassword: too short, too long or one of the commonest"""
    if len(password) < MIN_LENGTH:
        raise WeakPassword(f"Use at least {MIN_LENGTH} characters")
    if len(password) > MAX_LENGTH:
        raise WeakPassword(f"Use at most {MAX_LENGTH} characters")
    if password.lower() in _common():
        raise WeakPassword("This is one of the passwords that are tried first: choose another")


def hashed(password: str) -> str:
    """As the table keeps it.

    :raise WeakPassword: too short, too long or one of the commonest
    """
    check_strength(password)
    return hashed_anew(password)


def hashed_anew(password: str) -> str:
    """The hash of a password that its account has already, however weak: it is kept as we keep others."""
    with _room:
        return _hasher.hash(_bytes(password))


def _bytes(password: str) -> bytes:
    """Half a character, which only JSON can bring, is none that a password has."""
    return password.encode(errors="replace")


def fits(password: str, kept: str | None) -> bool:
    """Whether this is the password.

    A wrong one is compared by both schemes, whatever is kept: how long that takes does not tell an account that came
    from the old system from one that is ours, or from none.
    """
    with _room:
        if kept is not None and kept.startswith("$2"):
            return _fits_bcrypt(password, kept) or _fits_argon2(password, None)
        return _fits_argon2(password, kept) or _fits_bcrypt(password, None)


def _fits_argon2(password: str, kept: str | None) -> bool:
    """Nothing fits where there is no hash; finding that out takes as long. So it is with `_fits_bcrypt`."""
    try:
        _hasher.verify(kept or _dummy(), _bytes(password))
    except (VerificationError, InvalidHashError):
        return False
    return bool(kept)


def _fits_bcrypt(password: str, kept: str | None) -> bool:
    with suppress(ValueError):  # what the table holds is no hash
        return bcrypt.checkpw(_bytes(password)[:72], kept.encode() if kept else _old_dummy()) and kept is not None
    return False


def is_outdated(kept: str) -> bool:
    """Whether it should be hashed anew now that the password is at hand."""
    return kept.startswith("$2") or _hasher.check_needs_rehash(kept)
