"""Who of the accounts is staff. Their rights count from the next sign-in, with a second factor."""

from __future__ import annotations

from sqlalchemy import select
from sqlalchemy.exc import IntegrityError

from storefront.accounts import holders, passwords
from storefront.accounts.models import User
from storefront.accounts.sessions import account_of, ending_of
from storefront.accounts.values import Account, EmailTaken, NoProvedAddress, Role, UnknownUser, UserId
from storefront.clock import utc_now
from storefront.database import queries, retried, transaction


def create_staff(email: str, name: str, role: Role, password: str) -> Account:
    """Open an account for somebody of the staff; whoever runs the shop vouches for the address.

    :param email: as `contact.email_key` makes it
    :raise EmailTaken: the address has an account
    :raise WeakPassword: the password is not accepted
    """
    kept = passwords.hashed(password)
    try:
        return _create(email, name, role, kept)
    except IntegrityError as error:
        raise EmailTaken from error


@retried
def _create(email: str, name: str, role: Role, kept: str) -> Account:
    now = utc_now()
    with transaction("accounts") as session:
        holders.forget_sign_up(session, email)
        user = User(email=email, name=name, role=role, password=kept, email_verified_at=now, created_at=now)
        session.add(user)
        session.flush()
        return account_of(user)


def staff_members() -> list[Account]:
    """Everybody with rights of staff, by e-mail address."""
    members = select(User).where(User.role != Role.CUSTOMER).order_by(User.email)
    return [account_of(user) for user in queries().scalars(members.execution_options(populate_existing=True))]


@retried
def set_role(email: str, role: Role) -> Account:
    """Give or take rights; the account signs in anew, for staff need a second factor.

    :raise UnknownUser: the address has no account
    :raise NoProvedAddress: it was never proved that the address is theirs
    """
    with transaction("accounts") as session:
        user = session.scalar(select(User).where(User.email == email).with_for_update())
        if user is None or user.email != email:
            raise UnknownUser(email)
        if role.is_staff and user.email_verified_at is None:
            raise NoProvedAddress
        user.role = role
        session.execute(ending_of(UserId(user.id)))
        return account_of(user)
