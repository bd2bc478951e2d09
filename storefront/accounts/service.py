"""The accounts' door."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import select
from sqlalchemy.exc import IntegrityError

from storefront.accounts import legacy_import
from storefront.accounts.addresses import (
    add_address,
    addresses_of,
    change_address,
    get_address,
    remove_address,
    set_default_address,
)
from storefront.accounts.authentication import (
    change_password,
    pass_second_factor,
    request_reset,
    reset_password,
    second_factor_hint,
    send_second_factor_again,
    sign_in,
    sign_in_with_code,
)
from storefront.accounts.back_in_stock import (
    Notice,
    UnknownNotice,
    ask_for_notice,
    awaited_skus,
    find_notice,
    get_notice,
    tell_waiting,
    unsubscribe,
    wait_again,
)
from storefront.accounts.contact_settings import (
    enter_address,
    has_second_factor_by,
    proof_address_of,
    request_address,
    send_address_code,
    send_proof_code,
    set_second_factor,
)
from storefront.accounts.deletion import delete_account, export_of, send_deletion_code
from storefront.accounts.identifiers import get_user
from storefront.accounts.lookup import MOST_FOUND, find_accounts
from storefront.accounts.models import User
from storefront.accounts.oidc_links import sign_in_by_identity
from storefront.accounts.one_time_codes import LIFETIME as CODE_LIFETIME
from storefront.accounts.one_time_codes import SentCode
from storefront.accounts.one_time_codes import find_sent as find_sent_code
from storefront.accounts.one_time_codes import forget_old as forget_old_codes
from storefront.accounts.payment_methods import (
    add_method,
    find_fresh_method,
    find_meant_method,
    methods_of,
    remove_method,
    set_default_method,
)
from storefront.accounts.profile import (
    LONGEST_NAME,
    ProfilePart,
    avatars_of,
    change_profile,
    get_avatar,
    upload_avatar,
)
from storefront.accounts.registration import (
    find_pending,
    finish_registration,
    finish_sign_up,
    forget_unfinished,
    is_sign_up_code,
    register,
    register_at_once,
    register_stub,
    send_registration_again,
    send_sign_up_code,
    verify_sign_up,
)
from storefront.accounts.saved_values import (
    MOST_ADDRESSES,
    SavedAddress,
    SavedMethod,
    TooManyAddresses,
    TooManyMethods,
    UnknownAddress,
    UnknownAvatar,
    UnknownMethod,
    UnusableAvatar,
    UnusableMethod,
)
from storefront.accounts.sessions import (
    account_of,
    end_session,
    end_sessions_of,
    find_session,
    forget_ended,
    open_session,
    sessions_of,
    touch,
)
from storefront.accounts.staff import (
    acts_noted,
    create_staff,
    note_act,
    set_role,
    sign_out_everywhere,
    staff_members,
)
from storefront.accounts.tokens import LIFETIME as TOKEN_LIFETIME
from storefront.accounts.tokens import SIGN_UP_LIFETIME, reference_of, sign_up_of
from storefront.accounts.tokens import issue as issue_token
from storefront.accounts.tokens import issue_for_sign_up as issue_sign_up_token
from storefront.accounts.values import (
    Account,
    CodeExpired,
    EmailTaken,
    IdentityClaims,
    IsStaff,
    LastAdmin,
    NoProvedAddress,
    NoTextMessages,
    PendingUser,
    PhoneTaken,
    Profile,
    Purpose,
    Role,
    SecondFactorNeeded,
    SessionView,
    SignedIn,
    TooManyCodes,
    UnknownUser,
    UserId,
    WeakPassword,
    WrongCode,
    WrongPassword,
)
from storefront.accounts.wishlist import (
    MOST_WISHES,
    SharedWishlist,
    UnknownWish,
    UnknownWishlist,
    Wish,
    WishesToken,
    WishlistFull,
    WishOwner,
    add_wish,
    change_wish,
    forget_lost_wishes,
    items_of,
    merge_wishes,
    remove_wish,
    remove_wish_by_id,
    share_of,
    share_wishes,
    shared_wishes,
    stop_sharing,
    wished_products,
)
from storefront.core.clock import utc_now
from storefront.db.session import queries, transaction

__all__ = [
    "CODE_LIFETIME",
    "LONGEST_NAME",
    "MOST_ADDRESSES",
    "MOST_FOUND",
    "MOST_WISHES",
    "SIGN_UP_LIFETIME",
    "TOKEN_LIFETIME",
    "Account",
    "CodeExpired",
    "EmailTaken",
    "IdentityClaims",
    "IsStaff",
    "LastAdmin",
    "NoProvedAddress",
    "NoTextMessages",
    "Notice",
    "PendingUser",
    "PhoneTaken",
    "Profile",
    "ProfilePart",
    "Purpose",
    "Role",
    "SavedAddress",
    "SavedMethod",
    "SecondFactorNeeded",
    "SentCode",
    "SessionView",
    "SharedWishlist",
    "SignedIn",
    "TooManyAddresses",
    "TooManyCodes",
    "TooManyMethods",
    "UnknownAddress",
    "UnknownAvatar",
    "UnknownMethod",
    "UnknownNotice",
    "UnknownUser",
    "UnknownWish",
    "UnknownWishlist",
    "UnusableAvatar",
    "UnusableMethod",
    "UserId",
    "WeakPassword",
    "Wish",
    "WishOwner",
    "WishesToken",
    "WishlistFull",
    "WrongCode",
    "WrongPassword",
    "acts_noted",
    "add_address",
    "add_method",
    "add_wish",
    "addresses_of",
    "ask_for_notice",
    "avatars_of",
    "awaited_skus",
    "change_address",
    "change_password",
    "change_profile",
    "change_wish",
    "create_staff",
    "delete_account",
    "end_session",
    "end_sessions_of",
    "enter_address",
    "export_of",
    "find_accounts",
    "find_fresh_method",
    "find_meant_method",
    "find_notice",
    "find_pending",
    "find_sent_code",
    "find_session",
    "finish_registration",
    "finish_sign_up",
    "forget_ended",
    "forget_lost_wishes",
    "forget_old_codes",
    "forget_unfinished",
    "get_account",
    "get_address",
    "get_avatar",
    "get_notice",
    "has_second_factor_by",
    "is_sign_up_code",
    "issue_sign_up_token",
    "issue_token",
    "items_of",
    "legacy_import",
    "merge_wishes",
    "methods_of",
    "note_act",
    "open_accounts",
    "open_session",
    "pass_second_factor",
    "profiles_of",
    "proof_address_of",
    "reference_of",
    "register",
    "register_at_once",
    "register_stub",
    "remove_address",
    "remove_method",
    "remove_wish",
    "remove_wish_by_id",
    "request_address",
    "request_reset",
    "reset_password",
    "second_factor_hint",
    "send_address_code",
    "send_deletion_code",
    "send_proof_code",
    "send_registration_again",
    "send_second_factor_again",
    "send_sign_up_code",
    "sessions_of",
    "set_default_address",
    "set_default_method",
    "set_role",
    "set_second_factor",
    "share_of",
    "share_wishes",
    "shared_wishes",
    "sign_in",
    "sign_in_by_identity",
    "sign_in_with_code",
    "sign_out_everywhere",
    "sign_up_of",
    "staff_members",
    "stop_sharing",
    "tell_waiting",
    "touch",
    "unsubscribe",
    "upload_avatar",
    "verify_sign_up",
    "wait_again",
    "wished_products",
]


def open_accounts(people: Sequence[tuple[str, str]]) -> list[Profile]:
    """Open accounts that nobody can sign in to yet, all or none.

    :param people: name and e-mail address of each
    :raise EmailTaken: an address has an account already
    """
    now = utc_now()
    users = [User(name=name, email=email.strip().lower(), created_at=now) for name, email in people]
    try:
        with transaction("accounts") as session:
            session.add_all(users)
    except IntegrityError as error:
        raise EmailTaken from error
    return [Profile(UserId(user.id), user.name or "") for user in users]


def profiles_of(emails: Sequence[str]) -> dict[str, Profile]:
    """Accounts by e-mail address, of those that have one."""
    known = select(User).where(User.email.in_([email.strip().lower() for email in emails]))
    return {user.email or "": Profile(UserId(user.id), user.name or "") for user in queries().scalars(known)}


def get_account(user: UserId) -> Account:
    """An account as it stands. :raise UnknownUser: there is none"""
    return account_of(get_user(user))
