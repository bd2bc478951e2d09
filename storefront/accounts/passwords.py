"""Password strength, hashing (Argon2id) and verification, with the legacy shop's bcrypt hashes accepted as well."""

from __future__ import annotations

import threading
import unicodedata
from contextlib import suppress
from functools import cache

import bcrypt
from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

from storefront.accounts.values import WeakPassword

MIN_LENGTH = 8  # characters; ASVS 5.0, 6.2.1
MAX_LENGTH = 128  # characters; 6.2.9 asks for 64 at least, a bound keeps hashing cheap
LEGACY_BCRYPT_COST = 10  # default of Spring's BCryptPasswordEncoder, which the legacy shop used
COMMON_PASSWORDS = 10_000  # top entries of the list that are refused; 6.2.4 asks for the top 3000

# OWASP Password Storage Cheat Sheet: Argon2id, 19 MiB, two passes, one lane.
_hasher = PasswordHasher(time_cost=2, memory_cost=19 * 1024, parallelism=1)
_hash_slots = threading.BoundedSemaphore(4)  # concurrent hashes per process: at most 76 MiB


@cache
def _common_passwords() -> frozenset[str]:
    from zxcvbn.frequency_lists import FREQUENCY_LISTS  # 7 MB

    ranked = FREQUENCY_LISTS["passwords"]
    return frozenset(ranked[:COMMON_PASSWORDS])


@cache
def _dummy_argon2_hash() -> str:
    """Hash to verify against where no Argon2 hash is stored, so that verification takes the same time."""
    return _hasher.hash("nobody's password")


@cache
def _dummy_bcrypt_hash() -> bytes:
    """Hash to verify against where no bcrypt hash is stored, with the legacy shop's cost."""
    return bcrypt.hashpw(b"nobody's password", bcrypt.gensalt(LEGACY_BCRYPT_COST))


def check_strength(password: str) -> None:
    """Check that a password is acceptable for an account.

    :raise WeakPassword: too short, too long or one of the most common
    """
    password = _normalized(password)
    if len(password) < MIN_LENGTH:
        raise WeakPassword(f"Use at least {MIN_LENGTH} characters")
    if len(password) > MAX_LENGTH:
        raise WeakPassword(f"Use at most {MAX_LENGTH} characters")
    if password.lower() in _common_passwords():
        raise WeakPassword("This is one of the passwords that are tried first: choose another")


def hash_new_password(password: str) -> str:
    """Check a newly chosen password and return its Argon2 hash.

    :raise WeakPassword: too short, too long or one of the most common
    """
    check_strength(password)
    return hash_password(password)


def hash_password(password: str) -> str:
    """Return the Argon2 hash of a password that is in use already, without checking its strength."""
    with _hash_slots:
        return _hasher.hash(_encode(_normalized(password)))


def _normalized(password: str) -> str:
    """One spelling of a password for all keyboards: NFKC (NIST SP 800-63B, 3.1.1.2)."""
    return unicodedata.normalize("NFKC", password)


def _encode(password: str) -> bytes:
    # A lone surrogate, which only JSON input can contain, has no UTF-8 form.
    return password.encode(errors="replace")


def verify(password: str, stored: str | None) -> bool:
    """Whether a password matches the stored hash, as NFKC or, for hashes of older versions, as it was typed.

    A wrong password is always verified with both schemes, so that the time taken does not reveal whether the account
    was imported from the legacy shop, was created here, or does not exist.

    :param stored: Argon2 or legacy bcrypt hash; None: there is no account or no password
    """
    spellings = dict.fromkeys((_normalized(password), password))  # mostly one; two whatever is stored
    with _hash_slots:
        return any(_verify(spelling, stored) for spelling in spellings)


def _verify(password: str, stored: str | None) -> bool:
    if stored is not None and stored.startswith("$2"):
        return _verify_bcrypt(password, stored) or _verify_argon2(password, None)
    return _verify_argon2(password, stored) or _verify_bcrypt(password, None)


def _verify_argon2(password: str, stored: str | None) -> bool:
    try:
        _hasher.verify(stored or _dummy_argon2_hash(), _encode(password))
    except (VerificationError, InvalidHashError):
        return False
    return bool(stored)


def _verify_bcrypt(password: str, stored: str | None) -> bool:
    hash_or_dummy = stored.encode() if stored else _dummy_bcrypt_hash()
    with suppress(ValueError):  # the stored value is no bcrypt hash
        return bcrypt.checkpw(_encode(password)[:72], hash_or_dummy) and stored is not None
    return False


def needs_rehash(stored: str, password: str) -> bool:
    """Whether the hash of a password that was just verified is to be replaced.

    It is if it is bcrypt, has outdated Argon2 parameters or, made by an older version, is of another spelling.
    """
    if stored.startswith("$2") or _hasher.check_needs_rehash(stored):
        return True
    normalized = _normalized(password)
    if normalized == password:
        return False
    with _hash_slots:
        return not _verify_argon2(normalized, stored)
