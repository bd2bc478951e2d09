"""Public values and errors of the accounts domain."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import NewType

from storefront.core.addresses import PostalAddress
from storefront.core.errors import DomainError, NotFoundError, RetryLater

UserId = NewType("UserId", int)

MAX_ADDRESSES = 50
MAX_METHODS = 50


class Role(StrEnum):
    """What an account may do. Read from the database at every request."""

    CUSTOMER = "customer"
    STOCK_STAFF = "stock"
    ORDER_STAFF = "orders"
    ADMIN = "admin"

    @property
    def is_staff(self) -> bool:
        return self is not Role.CUSTOMER


class Permission(StrEnum):
    """What staff may see and change. Pages and API ask for a permission, never for a role; see `ROLES_WITH`."""

    CUSTOMERS = "customers"  # their accounts, carts, orders and payments; reading is in the audit log
    PRODUCTS = "products"  # products and stock
    STAFF_AREA = "staff area"  # what every member of staff sees
    ADMINISTRATION = "administration"  # accounts of staff, and the audit log


ROLES_WITH: Mapping[Permission, frozenset[Role]] = {
    Permission.CUSTOMERS: frozenset({Role.ORDER_STAFF, Role.ADMIN}),
    Permission.PRODUCTS: frozenset({Role.STOCK_STAFF, Role.ADMIN}),
    Permission.STAFF_AREA: frozenset({Role.STOCK_STAFF, Role.ORDER_STAFF, Role.ADMIN}),
    Permission.ADMINISTRATION: frozenset({Role.ADMIN}),
}


class Purpose(StrEnum):
    """What a one-time code was sent for. A code is valid for this purpose only."""

    REGISTER = "register"
    SIGN_IN = "sign-in"  # the second factor
    RESET = "reset"
    EMAIL = "email"  # a new e-mail address
    PHONE = "phone"
    DELETION = "deletion"  # of an account that has no password


class MailKind(StrEnum):
    """Who caused a message, and what the recipient has to do with it; each kind is bounded apart, by `mail_limits`.

    Kinds are counted apart, so that what strangers use up (codes, orders) blocks nothing that they cannot cause.
    """

    CODE = "code"  # a one-time code, or "you have an account already"; anybody can ask for it
    SIGN_IN_CODE = "sign-in code"  # only after the right password
    CHANGE = "change"  # sign-in details were changed; to proved addresses only
    ORDER = "order"  # a customer's act on an order, to an address that nobody proved to be the customer's
    OWN_ORDER = "own order"  # the same, to the address that the customer's account proved
    ALERT = "alert"  # back in stock, to an address that somebody entered
    OWN_ALERT = "own alert"  # the same, to the address that the account proved
    BY_STAFF = "by staff"  # an act of staff on an order, and e-mails to the staff


class EmailTaken(DomainError):
    """Another account has this e-mail address."""


class PhoneTaken(DomainError):
    """Another account has this phone number."""


class WrongPassword(DomainError):
    """Identifier and password match no account. Which of the two was wrong is not revealed."""

    status = 401


class WeakPassword(DomainError):
    """The password is too short, too long or too common.

    :ivar reason: which of these, worded for display beside the form field
    """

    status = 422

    def __init__(self, reason: str) -> None:
        super().__init__("refused")
        self.reason = reason


class WrongCode(DomainError):
    """The code is not the one that was sent, was used already, or had too many wrong attempts."""

    status = 422


class CodeExpired(DomainError):
    """The code was correct but its lifetime is over."""

    status = 422


class TooManyCodes(RetryLater):
    """The rate limit for codes to this address is reached."""


class NoTextMessages(DomainError):
    """This shop has no SMS transport, so a phone number cannot be verified."""

    status = 422


class NoProvedAddress(DomainError):
    """The account has no verified e-mail address or phone number that a code could be sent to."""


class LastAdmin(DomainError):
    """This is the only admin, who can neither be deleted nor lose the role."""


class IsStaff(DomainError):
    """The account belongs to a member of the staff, which only an admin may act on."""

    status = 403


class UnknownUser(NotFoundError):
    """There is no such account."""


class UnknownAddress(NotFoundError):
    """The account has no such address. Addresses of other accounts are treated as not existing."""


class TooManyAddresses(DomainError):
    """The address book already holds `MAX_ADDRESSES`."""


class UnknownMethod(NotFoundError):
    """The account has no such payment method. Those of other accounts are treated as not existing."""


class TooManyMethods(DomainError):
    """The account already has `MAX_METHODS` saved payment methods."""


class UnusableMethod(DomainError):
    """Provider and token do not describe a payment method that can be saved.

    :ivar reason: worded for display
    """

    status = 422

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


class UnusableAvatar(DomainError):
    """The avatar's URL is neither http(s) nor a path of this shop, or is too long."""

    status = 422


class UnknownAvatar(NotFoundError):
    """The account has no avatar with this digest: it has none, or it was replaced."""


@dataclass(frozen=True, slots=True)
class Profile:
    """The public part of an account."""

    id: UserId
    name: str


@dataclass(frozen=True, slots=True)
class Account:
    """An account as its owner and the staff see it.

    :ivar email: verified only if `has_verified_email`
    :ivar phone: verified only if `has_verified_phone`
    :ivar mfa_enabled: a second factor is required at sign-in
    """

    id: UserId
    email: str | None
    phone: str | None
    name: str | None
    avatar: str | None
    mfa_enabled: bool
    role: Role
    has_password: bool
    has_verified_email: bool
    created_at: datetime
    has_verified_phone: bool = False

    @property
    def has_verified_contact(self) -> bool:
        """Whether its e-mail address or its phone number is verified."""
        return self.has_verified_email or self.has_verified_phone

    @property
    def greeting(self) -> str:
        """The name shown in the page header."""
        return (self.name or "").split(" ")[0] or "Account"


@dataclass(frozen=True, slots=True)
class SignedIn:
    """The account and session that a request is authenticated with.

    :ivar reference: the session reference stored in the cookie or bearer token
    :ivar began_at: time of the sign-in
    :ivar has_second_factor: a second factor was used at this sign-in; staff rights require it
    """

    reference: str
    account: Account
    began_at: datetime
    has_second_factor: bool = False

    @property
    def id(self) -> UserId:
        return self.account.id

    @property
    def role(self) -> Role:
        """The role this session has: the account's, or customer without a second factor."""
        return self.account.role if self.has_second_factor else Role.CUSTOMER

    def may(self, permission: Permission) -> bool:
        """Whether this session's role has a permission."""
        return self.role in ROLES_WITH[permission]

    # Flask-Login's user interface.
    @property
    def is_authenticated(self) -> bool:
        return True

    @property
    def is_active(self) -> bool:
        return True

    @property
    def is_anonymous(self) -> bool:
        return False

    def get_id(self) -> str:
        return self.reference


@dataclass(frozen=True, slots=True)
class SecondFactorNeeded:
    """The password was correct, and the code sent to the account's own address is needed as well.

    :ivar hint: the address the code was sent to, masked
    """

    user: UserId
    hint: str


@dataclass(frozen=True, slots=True)
class PendingUser:
    """An unfinished sign-up by e-mail address or phone number.

    :ivar id: the id that the account will have
    """

    id: UserId
    email: str | None
    phone: str | None

    @property
    def address(self) -> str:
        """Where its code is sent."""
        return self.email or self.phone or ""


@dataclass(frozen=True, slots=True)
class IdentityClaims:
    """Claims of an OpenID Connect provider about the user who signed in there.

    :ivar email: None unless the provider verified it
    """

    issuer: str
    subject: str
    email: str | None
    name: str | None


@dataclass(frozen=True, slots=True)
class SessionView:
    """A session as listed on the account's security page."""

    id: int
    device: str
    created_at: datetime
    seen_at: datetime
    is_current: bool


@dataclass(frozen=True, slots=True)
class SavedAddress:
    """An address of the address book."""

    id: int
    where: PostalAddress
    is_default: bool
    created_at: datetime


@dataclass(frozen=True, slots=True)
class NewMethod:
    """A payment method to be saved. It contains nothing that can be charged or that identifies the payer.

    :ivar kind: card, upi, cod or bnpl
    :ivar details: last four digits, masked UPI id, or BNPL provider; empty when unknown
    :ivar expires: MM/YYYY of a card, empty when unknown
    """

    provider: str
    token: str
    kind: str
    details: str = ""
    holder: str = ""
    expires: str = ""


@dataclass(frozen=True, slots=True)
class SavedMethod:
    """A saved payment method; see `NewMethod` for its fields."""

    id: int
    provider: str
    token: str
    kind: str
    details: str
    holder: str
    expires: str
    is_default: bool
    created_at: datetime

    @property
    def label(self) -> str:
        """Its name on pages: "VISA ending in 4242", "UPI ash***@okbank"."""
        if self.kind == "card":
            name = "Card" if self.provider == "CARD" else self.provider
            return f"{name} ending in {self.details}" if self.details else name
        if self.kind == "upi":
            return f"UPI {self.details}".rstrip()
        return "Cash on delivery" if self.kind == "cod" else f"Pay later with {self.details}"

    @property
    def card_number(self) -> str:
        """The masked card number, `**** **** **** 4242`; empty when the digits are unknown or it is no card."""
        return f"**** **** **** {self.details}" if self.kind == "card" and self.details else ""
