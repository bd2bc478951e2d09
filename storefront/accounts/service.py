"""Public interface of the accounts domain."""

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
from storefront.accounts.api_keys import MAX_NAME_LENGTH as MAX_API_KEY_NAME_LENGTH
from storefront.accounts.api_keys import (
    MAX_REQUESTS_PER_MINUTE,
    ApiKey,
    ApiKeyNameTaken,
    ApiKeyRecord,
    ExpiryPassed,
    InvalidApiKey,
    KeyProblem,
    NewApiKey,
    Scope,
    UnknownApiKey,
    find_api_key,
    find_api_key_by_id,
    is_api_key,
    list_api_keys,
    make_api_key,
    revoke_api_key,
    touch_api_key,
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
    subject_of_attempts,
)
from storefront.accounts.back_in_stock import (
    StockAlert,
    UnknownAlert,
    alerts_of,
    enqueue_alerts,
    find_alert,
    get_alert,
    rearm,
    request_alert,
    unsubscribe,
)
from storefront.accounts.contact_settings import (
    confirm_contact,
    reauthentication_address_of,
    request_contact_change,
    second_factor_address,
    send_address_code,
    send_reauthentication_code,
    set_second_factor,
)
from storefront.accounts.deletion import delete_account, export_of, send_deletion_code
from storefront.accounts.guest_sessions import (
    end_guest_session,
    forget_guest_sessions,
    is_guest_session,
    open_guest_session,
)
from storefront.accounts.identifiers import get_user, has_proved
from storefront.accounts.lookup import MAX_FOUND, find_accounts
from storefront.accounts.mail_limits import admit as admit_message
from storefront.accounts.mail_limits import forget_counts as forget_message_counts
from storefront.accounts.models import User
from storefront.accounts.oidc_links import sign_in_by_identity
from storefront.accounts.one_time_codes import LIFETIME as CODE_LIFETIME
from storefront.accounts.one_time_codes import SentCode
from storefront.accounts.one_time_codes import find_sent as find_sent_code
from storefront.accounts.one_time_codes import purge as forget_old_codes
from storefront.accounts.payment_methods import (
    add_method,
    find_fresh_method,
    match_method,
    methods_of,
    remove_method,
    set_default_method,
)
from storefront.accounts.profile import (
    MAX_NAME_LENGTH,
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
    register_unverified,
    send_registration_again,
    send_sign_up_code,
    start_sign_up,
    verify_sign_up,
)
from storefront.accounts.sessions import (
    account_of,
    end_other_sessions,
    end_session,
    end_sessions_of,
    find_pending_sign_in,
    find_session,
    forget_ended,
    open_pending_sign_in,
    open_session,
    sessions_of,
    touch,
)
from storefront.accounts.staff import (
    audit_entries,
    create_staff,
    record_audit,
    record_read,
    set_role,
    sign_out_everywhere,
    staff_members,
)
from storefront.accounts.tokens import LIFETIME as TOKEN_LIFETIME
from storefront.accounts.tokens import SIGN_UP_LIFETIME, reference_of, sign_up_of
from storefront.accounts.tokens import client_of as client_of_token
from storefront.accounts.tokens import issue as issue_token
from storefront.accounts.tokens import issue_for_client as issue_client_token
from storefront.accounts.tokens import issue_for_sign_up as issue_sign_up_token
from storefront.accounts.values import (
    Account,
    EmailTaken,
    Profile,
    UserId,
)
from storefront.accounts.wishlist import (
    MAX_WISHLIST_ITEMS,
    SharedWishlist,
    UnknownWishlist,
    UnknownWishlistItem,
    WishlistEntry,
    WishlistFull,
    WishlistOwner,
    WishlistToken,
    add_wishlist_item,
    change_wishlist_item,
    items_of,
    merge_wishlists,
    purge_guest_wishlists,
    remove_wishlist_item,
    remove_wishlist_item_by_id,
    share_of,
    share_wishlist,
    shared_wishlist,
    stop_sharing,
    wishlist_product_ids,
)
from storefront.core.clock import utc_now
from storefront.db.session import read_session, transaction

__all__ = [
    "CODE_LIFETIME",
    "MAX_API_KEY_NAME_LENGTH",
    "MAX_FOUND",
    "MAX_NAME_LENGTH",
    "MAX_REQUESTS_PER_MINUTE",
    "MAX_WISHLIST_ITEMS",
    "SIGN_UP_LIFETIME",
    "TOKEN_LIFETIME",
    "ApiKey",
    "ApiKeyNameTaken",
    "ApiKeyRecord",
    "ExpiryPassed",
    "InvalidApiKey",
    "KeyProblem",
    "NewApiKey",
    "ProfilePart",
    "Scope",
    "SentCode",
    "SharedWishlist",
    "StockAlert",
    "UnknownAlert",
    "UnknownApiKey",
    "UnknownWishlist",
    "UnknownWishlistItem",
    "WishlistEntry",
    "WishlistFull",
    "WishlistOwner",
    "WishlistToken",
    "add_address",
    "add_method",
    "add_wishlist_item",
    "addresses_of",
    "admit_message",
    "alerts_of",
    "audit_entries",
    "avatars_of",
    "change_address",
    "change_password",
    "change_profile",
    "change_wishlist_item",
    "client_of_token",
    "confirm_contact",
    "create_staff",
    "delete_account",
    "end_guest_session",
    "end_other_sessions",
    "end_session",
    "end_sessions_of",
    "enqueue_alerts",
    "export_of",
    "find_accounts",
    "find_alert",
    "find_api_key",
    "find_api_key_by_id",
    "find_fresh_method",
    "find_pending",
    "find_pending_sign_in",
    "find_sent_code",
    "find_session",
    "finish_registration",
    "finish_sign_up",
    "forget_ended",
    "forget_guest_sessions",
    "forget_message_counts",
    "forget_old_codes",
    "forget_unfinished",
    "get_account",
    "get_address",
    "get_alert",
    "get_avatar",
    "has_proved",
    "is_api_key",
    "is_guest_session",
    "is_sign_up_code",
    "issue_client_token",
    "issue_sign_up_token",
    "issue_token",
    "items_of",
    "legacy_import",
    "list_api_keys",
    "make_api_key",
    "match_method",
    "merge_wishlists",
    "methods_of",
    "open_accounts",
    "open_guest_session",
    "open_pending_sign_in",
    "open_session",
    "pass_second_factor",
    "profiles_of",
    "purge_guest_wishlists",
    "rearm",
    "reauthentication_address_of",
    "record_audit",
    "record_read",
    "reference_of",
    "register",
    "register_unverified",
    "remove_address",
    "remove_method",
    "remove_wishlist_item",
    "remove_wishlist_item_by_id",
    "request_alert",
    "request_contact_change",
    "request_reset",
    "reset_password",
    "revoke_api_key",
    "second_factor_address",
    "second_factor_hint",
    "send_address_code",
    "send_deletion_code",
    "send_reauthentication_code",
    "send_registration_again",
    "send_second_factor_again",
    "send_sign_up_code",
    "sessions_of",
    "set_default_address",
    "set_default_method",
    "set_role",
    "set_second_factor",
    "share_of",
    "share_wishlist",
    "shared_wishlist",
    "sign_in",
    "sign_in_by_identity",
    "sign_in_with_code",
    "sign_out_everywhere",
    "sign_up_of",
    "staff_members",
    "start_sign_up",
    "stop_sharing",
    "subject_of_attempts",
    "touch",
    "touch_api_key",
    "unsubscribe",
    "upload_avatar",
    "verify_sign_up",
    "wishlist_product_ids",
]


def open_accounts(people: Sequence[tuple[str, str]]) -> list[Profile]:
    """Create accounts without a password, all or none of them.

    :param people: name and e-mail address of each
    :raise EmailTaken: an address already has an account
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
    """Accounts by e-mail address; addresses without an account are left out."""
    query = select(User).where(User.email.in_([email.strip().lower() for email in emails]))
    return {user.email or "": Profile(UserId(user.id), user.name or "") for user in read_session().scalars(query)}


def get_account(user: UserId) -> Account:
    """Return an account.

    :raise UnknownUser: there is no such account
    """
    return account_of(get_user(user))
