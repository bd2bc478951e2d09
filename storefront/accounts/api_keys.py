"""API keys: secrets by which programs call the API, each with its scopes, its rate limit and perhaps an end.

A key belongs to the shop, not to the admin who made it: docs/api-keys.md. Only its SHA-256 is stored.
"""

from __future__ import annotations

import hashlib
import hmac
import re
import secrets
import string
import zlib
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any

from sqlalchemy import Select, func, or_, select, update
from sqlalchemy.exc import IntegrityError

from storefront.accounts.models import ApiKeyRow, AuditEntry, User
from storefront.accounts.values import ROLES_WITH, Permission, UserId
from storefront.core.clock import utc_now
from storefront.core.errors import DomainError, NotFoundError
from storefront.db import audit_log
from storefront.db.prepared import prepared
from storefront.db.session import read_session, retry_on_deadlock, rows_changed, transaction

PREFIX = "sk_shop_"
ID_LENGTH, SECRET_LENGTH, CHECKSUM_LENGTH = 12, 45, 6  # letters; the secret has 256 bits
# Letters only: a long number within a key could be taken for a card number, and refused in a form or hidden in a log.
_SHAPE = re.compile(rf"{PREFIX}([a-z]{{{ID_LENGTH}}})_[A-Za-z]{{{SECRET_LENGTH + CHECKSUM_LENGTH}}}", re.ASCII)

MAX_NAME_LENGTH = 40  # characters, so that `ApiKey.actor` fits into audit logs
MAX_REQUESTS_PER_MINUTE = 60_000
TOUCH_INTERVAL = timedelta(minutes=1)  # precision of the time of last use


class Scope(StrEnum):
    """What a key may do. Each operation of the API that programs may call names one."""

    READ_CATALOG = "catalog:read"
    READ_STOCK = "stock:read"
    CHANGE_STOCK = "stock:write"
    READ_ORDERS = "orders:read"
    CHANGE_ORDERS = "orders:write"


class KeyProblem(StrEnum):
    """Why a key is refused."""

    MALFORMED = "malformed"  # typed wrong or cut off: the checksum does not fit
    UNKNOWN = "unknown"
    EXPIRED = "expired"
    REVOKED = "revoked"


class InvalidApiKey(DomainError):
    """A key, or a token issued for one, that is not accepted.

    :ivar problem: why; that a key expired or was revoked is said to who knows its secret only
    :ivar key_id: its id, if it has one
    """

    status = 401

    def __init__(self, problem: KeyProblem, key_id: str = "") -> None:
        super().__init__(f"{problem} {key_id}".rstrip())
        self.problem, self.key_id = problem, key_id


class UnknownApiKey(NotFoundError):
    """There is no key with this id."""


class ApiKeyNameTaken(DomainError):
    """Another key has this name, or had it before it was revoked."""


class ExpiryPassed(DomainError):
    """A new key was to expire at a moment that has passed."""


@dataclass(frozen=True, slots=True)
class NewApiKey:
    """A key to be made.

    :ivar scopes: one or more
    :ivar requests_per_minute: from 1 to `MAX_REQUESTS_PER_MINUTE`
    :ivar expires_at: None: never
    """

    name: str
    scopes: frozenset[Scope]
    requests_per_minute: int
    expires_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class ApiKey:
    """A valid key, as the caller of a request.

    :ivar id: names the key in logs; the client id of OAuth
    :ivar scopes: of the key; or fewer, of a token issued for it
    """

    id: str
    name: str
    scopes: frozenset[Scope]
    requests_per_minute: int
    expires_at: datetime | None

    @property
    def actor(self) -> str:
        """Its name in audit logs and the stock ledger."""
        return f"API key {self.name} ({self.id})"


@dataclass(frozen=True, slots=True)
class ApiKeyRecord:
    """A key as admins see it, never with its secret.

    :ivar made_by: e-mail address of the admin who made it
    :ivar is_maker_admin: whether that account still exists and is an admin
    :ivar last_used_at: to the minute; None: never
    """

    key: ApiKey
    made_by: str
    is_maker_admin: bool
    created_at: datetime
    last_used_at: datetime | None
    revoked_at: datetime | None

    @property
    def problem(self) -> KeyProblem | None:
        """Why it is no longer accepted; None while it is."""
        return _problem_of(self.revoked_at, self.key.expires_at, utc_now())


def _problem_of(revoked_at: datetime | None, expires_at: datetime | None, now: datetime) -> KeyProblem | None:
    if revoked_at is not None:
        return KeyProblem.REVOKED
    return KeyProblem.EXPIRED if expires_at is not None and expires_at <= now else None


# ------------------------------------------------------------------------------------------------ the secret


def is_api_key(credential: str) -> bool:
    """Whether a text claims to be an API key, valid or not."""
    return credential.startswith(PREFIX)


def _new_secret() -> tuple[str, str]:
    """Make a key at random.

    :return: its id, and the whole key
    """
    key_id = "".join(secrets.choice(string.ascii_lowercase) for _ in range(ID_LENGTH))
    body = f"{PREFIX}{key_id}_" + "".join(secrets.choice(string.ascii_letters) for _ in range(SECRET_LENGTH))
    return key_id, body + _checksum(body)


def _checksum(body: str) -> str:
    """The CRC-32 of a key's other characters, in letters: a key that was cut off is refused without a query."""
    number, letters = zlib.crc32(body.encode()), ""
    for _ in range(CHECKSUM_LENGTH):
        number, rest = divmod(number, len(string.ascii_letters))
        letters += string.ascii_letters[rest]
    return letters


def _hash(secret: str) -> str:
    """Hash a key, 256 random bits, for the table: it needs neither a salt nor a slow hash."""
    return hashlib.sha256(secret.encode()).hexdigest()


def _id_in(secret: str) -> str:
    """The id that a key names.

    :raise InvalidApiKey: it is malformed
    """
    shape = _SHAPE.fullmatch(secret)
    if shape is None or _checksum(secret[:-CHECKSUM_LENGTH]) != secret[-CHECKSUM_LENGTH:]:
        raise InvalidApiKey(KeyProblem.MALFORMED)
    return shape[1]


# ------------------------------------------------------------------------------------------------ who is calling


@prepared
def _row_of(key_id: Any) -> Select[ApiKeyRow]:
    return select(ApiKeyRow).where(ApiKeyRow.key_id == key_id)


def find_api_key(secret: str) -> tuple[ApiKey, bool]:
    """Return the key with this secret, and whether `touch_api_key` is due.

    :raise InvalidApiKey: it is not accepted
    """
    key_id = _id_in(secret)
    row = _row(key_id)
    if row is None or not hmac.compare_digest(row.secret_hash, _hash(secret)):
        raise InvalidApiKey(KeyProblem.UNKNOWN, key_id)
    return _accepted(row)


def find_api_key_by_id(key_id: str) -> tuple[ApiKey, bool]:
    """Return the key that a token of ours names, and whether `touch_api_key` is due.

    :raise InvalidApiKey: the key is not accepted any more, and with it the token
    """
    row = _row(key_id)
    if row is None:
        raise InvalidApiKey(KeyProblem.UNKNOWN, key_id)
    return _accepted(row)


def _row(key_id: str) -> ApiKeyRow | None:
    # Read at every request: a revoked key ends in every process at once.
    return read_session().scalars(*_row_of(key_id)).one_or_none()


def _accepted(row: ApiKeyRow) -> tuple[ApiKey, bool]:
    now = utc_now()
    if problem := _problem_of(row.revoked_at, row.expires_at, now):
        raise InvalidApiKey(problem, row.key_id)
    return _key_of(row), row.last_used_at is None or row.last_used_at <= now - TOUCH_INTERVAL


def _key_of(row: ApiKeyRow) -> ApiKey:
    scopes = frozenset(Scope(scope) for scope in row.scopes.split())
    return ApiKey(row.key_id, row.name, scopes, row.requests_per_minute, row.expires_at)


@retry_on_deadlock
def touch_api_key(key_id: str) -> None:
    """Update a key's time of last use, unless another process just did."""
    now = utc_now()
    is_due = or_(ApiKeyRow.last_used_at.is_(None), ApiKeyRow.last_used_at <= now - TOUCH_INTERVAL)
    with transaction("accounts") as session:
        session.execute(update(ApiKeyRow).where(ApiKeyRow.key_id == key_id, is_due).values(last_used_at=now))


# ------------------------------------------------------------------------------------------------ administration


def make_api_key(new: NewApiKey, *, actor: str, maker: UserId) -> tuple[str, ApiKey]:
    """Make a key and record it in the audit log.

    :param actor: e-mail address of the admin
    :param maker: account of the admin
    :return: the secret, which cannot be read again, and the key
    :raise ApiKeyNameTaken: a key has or had this name
    :raise ExpiryPassed: it would have expired already
    """
    if not new.scopes or not 1 <= new.requests_per_minute <= MAX_REQUESTS_PER_MINUTE:
        raise ValueError(new)
    if new.expires_at is not None and new.expires_at <= utc_now():
        raise ExpiryPassed
    try:
        return _make(new, actor, maker)
    except IntegrityError as error:
        raise ApiKeyNameTaken(new.name) from error


@retry_on_deadlock
def _make(new: NewApiKey, actor: str, maker: UserId) -> tuple[str, ApiKey]:
    key_id, secret = _new_secret()
    row = ApiKeyRow(
        key_id=key_id,
        secret_hash=_hash(secret),
        name=new.name,
        scopes=_in_words(new.scopes),
        requests_per_minute=new.requests_per_minute,
        made_by=actor,
        maker_id=maker,
        created_at=utc_now(),
        expires_at=new.expires_at,
    )
    end = f"expires {new.expires_at:%Y-%m-%d %H:%M} UTC" if new.expires_at else "never expires"
    detail = f"{row.scopes}; {new.requests_per_minute} requests a minute; {end}"
    with transaction("accounts") as session:
        session.add(row)
        session.flush()
        key = _key_of(row)
        audit_log.record(session, AuditEntry, actor=actor, what="API key made", subject=key.actor, detail=detail)
    return secret, key


def _in_words(scopes: Iterable[Scope]) -> str:
    return " ".join(sorted(scopes))


@retry_on_deadlock
def revoke_api_key(key_id: str, *, actor: str) -> None:
    """End a key and its tokens for good, and record it in the audit log. One that was revoked before stays so.

    :param actor: e-mail address of the admin
    :raise UnknownApiKey: there is no such key
    """
    with transaction("accounts") as session:
        row = session.scalars(*_row_of(key_id)).one_or_none()
        if row is None:
            raise UnknownApiKey(key_id)
        is_active = (ApiKeyRow.key_id == key_id, ApiKeyRow.revoked_at.is_(None))
        if rows_changed(session.execute(update(ApiKeyRow).where(*is_active).values(revoked_at=utc_now()))):
            subject = _key_of(row).actor
            audit_log.record(session, AuditEntry, actor=actor, what="API key revoked", subject=subject)


def list_api_keys() -> list[ApiKeyRecord]:
    """All keys, revoked ones included, newest first."""
    is_maker_admin = func.coalesce(User.role.in_(ROLES_WITH[Permission.ADMINISTRATION]), False)
    rows = (
        select(ApiKeyRow, is_maker_admin)
        .outerjoin(User, User.id == ApiKeyRow.maker_id)
        .order_by(ApiKeyRow.created_at.desc(), ApiKeyRow.id.desc())
    )
    return [
        ApiKeyRecord(_key_of(row), row.made_by, bool(is_admin), row.created_at, row.last_used_at, row.revoked_at)
        for row, is_admin in read_session().execute(rows)
    ]
