"""The tables of the accounts schema."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import JSON, CheckConstraint, ForeignKey, Index, LargeBinary, String, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from storefront.accounts.values import Purpose, Role
from storefront.core import contact
from storefront.db.audit_log import MAX_ACTOR_LENGTH, AuditEntryMixin
from storefront.db.column_types import UtcDateTime
from storefront.db.import_log import ImportedRowMixin
from storefront.db.outbox import OutboxMessage
from storefront.db.session import Model


def _one_of(column: str, values: type[Role] | type[Purpose]) -> str:
    return f"{column} IN (" + ", ".join(f"'{value}'" for value in values) + ")"


class AccountsModel(Model):
    """Base class of the tables in the accounts schema."""

    __abstract__ = True
    __bind_key__ = "accounts"


class User(AccountsModel):
    """An account.

    :cvar password: Argon2 hash, or the legacy shop's bcrypt hash until the next sign-in; None: no password sign-in
    :cvar avatar: URL of the picture: a path of this shop, or http(s)
    :cvar email_verified_at: None until the address was verified by a code
    :cvar phone_verified_at: None until the number was verified by a code
    """

    __tablename__ = "users"
    # Ids of deleted accounts are never reused: orders and carts refer to them.
    __table_args__ = (CheckConstraint(_one_of("role", Role), name="role"), {"sqlite_autoincrement": True})

    id: Mapped[int] = mapped_column(primary_key=True)
    email: Mapped[str | None] = mapped_column(String(254), unique=True)
    phone: Mapped[str | None] = mapped_column(String(32), unique=True)
    password: Mapped[str | None] = mapped_column(String(255))
    name: Mapped[str | None] = mapped_column(String(contact.MAX_NAME_LENGTH))
    avatar: Mapped[str | None] = mapped_column(String(500))
    mfa_enabled: Mapped[bool] = mapped_column(default=False)
    role: Mapped[str] = mapped_column(String(16), default=Role.CUSTOMER)
    email_verified_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    phone_verified_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    created_at: Mapped[datetime] = mapped_column(UtcDateTime)


class SignUp(AccountsModel):
    """An unfinished sign-up. Its address moves to the user row when the sign-up is completed.

    :cvar email: where the code is sent; None: to the phone
    :cvar phone: assigned to the account unless another account has it by then
    """

    __tablename__ = "sign_ups"

    user_id: Mapped[int] = mapped_column(ForeignKey("users.id", ondelete="CASCADE"), primary_key=True)
    email: Mapped[str | None] = mapped_column(String(254), unique=True)
    phone: Mapped[str | None] = mapped_column(String(32))
    created_at: Mapped[datetime] = mapped_column(UtcDateTime, index=True)


class Avatar(AccountsModel):
    """An uploaded profile picture, re-encoded by the shop."""

    __tablename__ = "avatars"

    user_id: Mapped[int] = mapped_column(ForeignKey("users.id", ondelete="CASCADE"), primary_key=True)
    digest: Mapped[str] = mapped_column(String(64))
    content: Mapped[bytes] = mapped_column(LargeBinary)


class UserSession(AccountsModel):
    """A sign-in session. The cookie or bearer token holds its reference; the table stores only the hash of it.

    :cvar reference: SHA-256 of the reference
    :cvar has_second_factor: a second factor was used at sign-in
    :cvar is_pending: the password was right and the code of the second factor is awaited: nobody is signed in yet
    :cvar expires_at: the absolute end, however often it is used
    :cvar ended_at: time of the sign-out, in this browser or from another
    """

    __tablename__ = "sessions"
    __table_args__ = (Index("ix_sessions_user_id_ended_at", "user_id", "ended_at"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    reference: Mapped[str] = mapped_column(String(64), unique=True)
    user_id: Mapped[int] = mapped_column(ForeignKey("users.id", ondelete="CASCADE"))
    device: Mapped[str] = mapped_column(String(160), default="")
    has_second_factor: Mapped[bool] = mapped_column(default=False)
    is_pending: Mapped[bool] = mapped_column(default=False)
    created_at: Mapped[datetime] = mapped_column(UtcDateTime)
    seen_at: Mapped[datetime] = mapped_column(UtcDateTime)
    expires_at: Mapped[datetime] = mapped_column(UtcDateTime)
    ended_at: Mapped[datetime | None] = mapped_column(UtcDateTime)


class GuestSession(AccountsModel):
    """The record behind a guest's cookie: what the cookie holds counts for as long as this row is there.

    :cvar reference: SHA-256 of the reference in the cookie
    """

    __tablename__ = "guest_sessions"

    id: Mapped[int] = mapped_column(primary_key=True)
    reference: Mapped[str] = mapped_column(String(64), unique=True)
    seen_at: Mapped[datetime] = mapped_column(UtcDateTime, index=True)


class OneTimeCode(AccountsModel):
    """A one-time code sent to an address for one purpose.

    :cvar address: the e-mail address or phone number it was sent to
    :cvar seed: the code is derived from this and the shop's secret key; the code itself is not stored
    :cvar payload: data used when the code is entered: a registration's name and password hash, …
    :cvar attempts: wrong codes entered so far
    """

    __tablename__ = "otp_codes"
    __table_args__ = (
        CheckConstraint(_one_of("purpose", Purpose), name="purpose"),
        Index("ix_otp_codes_address_purpose", "address", "purpose"),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    purpose: Mapped[str] = mapped_column(String(16))
    address: Mapped[str] = mapped_column(String(254))
    user_id: Mapped[int | None] = mapped_column(index=True)
    seed: Mapped[str] = mapped_column(String(32))
    payload: Mapped[dict[str, Any]] = mapped_column(JSON)
    attempts: Mapped[int] = mapped_column(default=0)
    created_at: Mapped[datetime] = mapped_column(UtcDateTime, index=True)
    expires_at: Mapped[datetime] = mapped_column(UtcDateTime)
    used_at: Mapped[datetime | None] = mapped_column(UtcDateTime)


class Identity(AccountsModel):
    """Link from an account at an OpenID Connect provider to an account of this shop."""

    __tablename__ = "identities"
    __table_args__ = (UniqueConstraint("issuer", "subject"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    user_id: Mapped[int] = mapped_column(ForeignKey("users.id", ondelete="CASCADE"), index=True)
    issuer: Mapped[str] = mapped_column(String(255))
    subject: Mapped[str] = mapped_column(String(255))
    created_at: Mapped[datetime] = mapped_column(UtcDateTime)


class Address(AccountsModel):
    """An address of an account's address book."""

    __tablename__ = "addresses"

    id: Mapped[int] = mapped_column(primary_key=True)
    user_id: Mapped[int] = mapped_column(ForeignKey("users.id", ondelete="CASCADE"), index=True)
    full_name: Mapped[str] = mapped_column(String(contact.MAX_NAME_LENGTH))
    phone: Mapped[str] = mapped_column(String(32))
    line1: Mapped[str] = mapped_column(String(contact.MAX_LINE_LENGTH))
    line2: Mapped[str] = mapped_column(String(contact.MAX_LINE_LENGTH), default="")
    city: Mapped[str] = mapped_column(String(contact.MAX_PLACE_LENGTH))
    state: Mapped[str] = mapped_column(String(contact.MAX_PLACE_LENGTH))
    postal_code: Mapped[str] = mapped_column(String(contact.MAX_CODE_LENGTH))
    country: Mapped[str] = mapped_column(String(contact.MAX_COUNTRY_LENGTH))
    is_default: Mapped[bool] = mapped_column(default=False)
    created_at: Mapped[datetime] = mapped_column(UtcDateTime)


class PaymentMethod(AccountsModel):
    """A saved payment method: a provider's token and what may be displayed, never a card number.

    :cvar provider: as the legacy client names it: VISA, MASTERCARD, AMEX, CARD, UPI, COD, BNPL
    :cvar kind: card, upi, cod or bnpl
    :cvar details: shown beside the kind: a card's last four digits, a masked UPI id, the BNPL provider
    """

    __tablename__ = "payment_methods"
    __table_args__ = (CheckConstraint("kind IN ('card', 'upi', 'cod', 'bnpl')", name="kind"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    user_id: Mapped[int] = mapped_column(ForeignKey("users.id", ondelete="CASCADE"), index=True)
    provider: Mapped[str] = mapped_column(String(40))
    token: Mapped[str] = mapped_column(String(160))
    kind: Mapped[str] = mapped_column(String(8))
    details: Mapped[str] = mapped_column(String(80), default="")
    holder: Mapped[str] = mapped_column(String(120), default="")
    expires: Mapped[str] = mapped_column(String(7), default="")  # MM/YYYY
    is_default: Mapped[bool] = mapped_column(default=False)
    created_at: Mapped[datetime] = mapped_column(UtcDateTime)


class WishlistItem(AccountsModel):
    """A product on the wishlist of an account or of a guest.

    :cvar guest_token: identifies a guest's list; None on an account's list
    :cvar variant: the chosen SKU, "" for any variant
    """

    __tablename__ = "wishlist"
    __table_args__ = (
        UniqueConstraint("user_id", "product_id"),
        UniqueConstraint("guest_token", "product_id"),
        CheckConstraint("user_id IS NOT NULL OR guest_token IS NOT NULL", name="has_owner"),
        CheckConstraint("quantity BETWEEN 1 AND 99", name="quantity_1_to_99"),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    user_id: Mapped[int | None] = mapped_column(ForeignKey("users.id", ondelete="CASCADE"))
    guest_token: Mapped[str | None] = mapped_column(String(32))
    product_id: Mapped[int] = mapped_column()
    variant: Mapped[str] = mapped_column(String(100), default="")
    quantity: Mapped[int] = mapped_column(default=1)
    created_at: Mapped[datetime] = mapped_column(UtcDateTime)


class WishlistShare(AccountsModel):
    """The random token of the link under which an account's wishlist is shared."""

    __tablename__ = "wishlist_shares"

    token: Mapped[str] = mapped_column(String(32), primary_key=True)
    user_id: Mapped[int] = mapped_column(ForeignKey("users.id", ondelete="CASCADE"), unique=True)
    created_at: Mapped[datetime] = mapped_column(UtcDateTime)


class StockNotice(AccountsModel):
    """A back-in-stock alert requested for one e-mail address and one SKU.

    :cvar token: authorises the unsubscribe link of the e-mail, without signing in
    :cvar told_at: when the e-mail was enqueued; None while the alert is waiting
    """

    __tablename__ = "stock_notices"
    __table_args__ = (
        UniqueConstraint("email", "variant"),
        Index("ix_stock_notices_variant_told_at", "variant", "told_at"),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    email: Mapped[str] = mapped_column(String(254))
    user_id: Mapped[int | None] = mapped_column(ForeignKey("users.id", ondelete="CASCADE"), index=True)
    product_id: Mapped[int] = mapped_column()
    variant: Mapped[str] = mapped_column(String(100))
    token: Mapped[str] = mapped_column(String(32), unique=True)
    created_at: Mapped[datetime] = mapped_column(UtcDateTime)
    told_at: Mapped[datetime | None] = mapped_column(UtcDateTime)


class ApiKeyRow(AccountsModel):
    """A key by which a program calls the API. Rows are never deleted: audit logs name them.

    :cvar key_id: the part of the key that is no secret; the client id of OAuth
    :cvar secret_hash: SHA-256 of the whole key
    :cvar scopes: separated by blanks
    :cvar made_by: who made it, as audit logs name them
    :cvar maker_id: the account that made it; None: it was deleted
    :cvar last_used_at: to the minute
    """

    __tablename__ = "api_keys"

    id: Mapped[int] = mapped_column(primary_key=True)
    key_id: Mapped[str] = mapped_column(String(12), unique=True)
    secret_hash: Mapped[str] = mapped_column(String(64))
    name: Mapped[str] = mapped_column(String(40), unique=True)
    scopes: Mapped[str] = mapped_column(String(200))
    requests_per_minute: Mapped[int] = mapped_column()
    made_by: Mapped[str] = mapped_column(String(MAX_ACTOR_LENGTH))
    maker_id: Mapped[int | None] = mapped_column(ForeignKey("users.id", ondelete="SET NULL"), index=True)
    created_at: Mapped[datetime] = mapped_column(UtcDateTime)
    expires_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    last_used_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    revoked_at: Mapped[datetime | None] = mapped_column(UtcDateTime)


class AuditEntry(AuditEntryMixin, AccountsModel):
    """Audit log entries of staff actions on accounts."""


class ImportedRow(ImportedRowMixin, AccountsModel):
    """Import log of the legacy shop's accounts and their data."""


class SentMail(AccountsModel):
    """A message that left, counted by `mail_limits`; or, of kind "lock", the row whose lock a counting worker holds.

    :cvar key: idempotency key of the message
    :cvar recipient: SHA-256 of the mailbox or phone number
    :cvar kind: what it counts as
    """

    __tablename__ = "sent_mails"
    __table_args__ = (Index("ix_sent_mails_recipient_kind_sent_at", "recipient", "kind", "sent_at"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    key: Mapped[str] = mapped_column(String(120), unique=True)
    recipient: Mapped[str] = mapped_column(String(64))
    kind: Mapped[str] = mapped_column(String(40))
    sent_at: Mapped[datetime] = mapped_column(UtcDateTime, index=True)


class Message(OutboxMessage, AccountsModel):
    """The outbox of the accounts schema. Its codes are looked for before every other message."""

    __table_args__ = (Index("ix_outbox_topic_delivered_at_due_at", "topic", "delivered_at", "due_at"),)
