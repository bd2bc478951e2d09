"""What passes through the accounts' door."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import NewType

from storefront.core.errors import DomainError, NotFoundError, RetryLater

UserId = NewType("UserId", int)


class Role(StrEnum):
    """What an account may do; read from the table at every request."""

    CUSTOMER = "customer"
    STOCK_STAFF = "stock"
    ORDER_STAFF = "orders"
    ADMIN = "admin"

    @property
    def is_staff(self) -> bool:
        return self is not Role.CUSTOMER


class Purpose(StrEnum):
    """What a one-time code is good for; it is good for nothing else."""

    REGISTER = "register"
    SIGN_IN = "sign-in"  # the second factor
    RESET = "reset"
    EMAIL = "email"  # a new e-mail address
    PHONE = "phone"
    DELETION = "deletion"  # of an account that has no password


class EmailTaken(DomainError):
    """Another account has this e-mail address."""


class PhoneTaken(DomainError):
    """Another account has this phone number."""


class WrongPassword(DomainError):
    """Identifier and password fit no account; which of the two was wrong is not said."""

    status = 401


class WeakPassword(DomainError):
    """The password is too short, too long or too common.

    :ivar reason: which, in words for the field
    """

    status = 422

    def __init__(self, reason: str) -> None:
        super().__init__("refused")
        self.reason = reason


class WrongCode(DomainError):
    """The code is not the one that was sent, was used before, or was guessed at too often."""

    status = 422


class CodeExpired(DomainError):
    """The code was right, too late."""

    status = 422


class TooManyCodes(RetryLater):
    """No further code is sent to this address now."""


class NoTextMessages(DomainError):
    """This shop sends no text messages: a phone cannot be proved to be theirs."""

    status = 422


class NoProvedAddress(DomainError):
    """Neither e-mail address nor phone is proved to be theirs: no code could be sent."""


class LastAdmin(DomainError):
    """Nobody else is an admin: this one can neither go nor lose the role."""


class IsStaff(DomainError):
    """The account is of somebody of the staff, which only an admin may act on."""

    status = 403


class UnknownUser(NotFoundError):
    """There is no such account."""


@dataclass(frozen=True, slots=True)
class Profile:
    """An account as others may see it."""

    id: UserId
    name: str


@dataclass(frozen=True, slots=True)
class Account:
    """An account as its owner and staff see it.

    :ivar email: proven theirs when `has_verified_email`
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
    def greeting(self) -> str:
        """What the frame calls them."""
        return (self.name or "").split(" ")[0] or "Account"


@dataclass(frozen=True, slots=True)
class SignedIn:
    """Who a session reference stands for at this request.

    :ivar reference: the session's own, as the cookie or token holds it
    :ivar began_at: when they signed in
    :ivar has_second_factor: a code was entered at this sign-in; without one nobody has the rights of staff
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
        """What this session may do."""
        return self.account.role if self.has_second_factor else Role.CUSTOMER

    def works_as(self, *roles: Role) -> bool:
        """Whether this session has the rights of one of these; admins have all."""
        return self.role in {*roles, Role.ADMIN}

    # What Flask-Login asks of a user.
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
    """The password was right; a code was sent to the account's own address and must be entered as well.

    :ivar hint: where it went, but for most of its letters
    """

    user: UserId
    hint: str


@dataclass(frozen=True, slots=True)
class PendingUser:
    """A sign-up that is not finished, of an e-mail address or else of a phone.

    :ivar id: the one that the account will have
    """

    id: UserId
    email: str | None
    phone: str | None

    @property
    def address(self) -> str:
        """Where its code goes."""
        return self.email or self.phone or ""


@dataclass(frozen=True, slots=True)
class IdentityClaims:
    """What an OpenID Connect provider says of who signed in there.

    :ivar email: None unless the provider verified it
    """

    issuer: str
    subject: str
    email: str | None
    name: str | None


@dataclass(frozen=True, slots=True)
class SessionView:
    """A sign-in as the account's owner sees it in their list."""

    id: int
    device: str
    created_at: datetime
    seen_at: datetime
    is_current: bool
