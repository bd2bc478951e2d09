"""Rate limits of sign-in, API keys, codes, sign-up and e-mails, counted per IP address; in Redis where configured.

reliability.md B13: per IP address and minute, five wrong passwords for an account and twenty sign-in attempts. An
account is counted as such, however its e-mail address or phone number is spelled. All /64 networks of an IPv6 site
together may do `SITE_SHARE` times what one may.
"""

from __future__ import annotations

import hashlib
import logging
import math
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress

from limits import RateLimitItem, RateLimitItemPerDay, RateLimitItemPerHour, RateLimitItemPerMinute
from limits.errors import StorageError
from limits.storage import MemoryStorage
from limits.strategies import FixedWindowRateLimiter, RateLimiter

from storefront.accounts import service as accounts
from storefront.core.contact import mailbox_of
from storefront.core.errors import RetryLater
from storefront.core.security_log import SecurityEvent, security_event
from storefront.web.security_headers import SITE_SHARE, limiter, rate_limit_key, site_key

logger = logging.getLogger(__name__)

SIGN_INS = RateLimitItemPerMinute(20)  # per IP address
WRONG_PASSWORDS = RateLimitItemPerMinute(5)  # per IP address and account
CODE_GUESSES = RateLimitItemPerMinute(20)  # per IP address; each code allows five
# Per IP address; each reveals whether an account exists.
SIGN_UPS, SIGN_UPS_IN_DAY = RateLimitItemPerMinute(20), RateLimitItemPerDay(200)
# Changes of a phone number by API, per account and per IP address; each reveals whether another account has it.
PHONE_CHANGES, PHONE_CHANGES_BY_ADDRESS = RateLimitItemPerDay(5), RateLimitItemPerDay(20)
REFUSED_KEYS = RateLimitItemPerMinute(20)  # of the API, per IP address
EMAILS = RateLimitItemPerHour(30)  # per IP address, to all recipients
ORDER_EMAILS = RateLimitItemPerHour(10)  # per IP address and recipient: each order sends one

_fallback = FixedWindowRateLimiter(MemoryStorage())  # counts in this process while Redis is unavailable


class RateLimitExceeded(RetryLater):
    """A rate limit of this module was exceeded."""


@contextmanager
def limit_sign_in(identifier: str | int) -> Iterator[None]:
    """Limit attempts at a password: wrap the check in it; a correct password resets the count of the account.

    Attempts are counted before the check, so that concurrent ones cannot share a count.

    :param identifier: of the account, as typed; or its id, where a signed-in user confirms the password
    :raise RateLimitExceeded: before the check; from another IP address the owner can still sign in
    """
    about = _digest(accounts.subject_of_attempts(identifier))
    _hit(SIGN_INS, "sign-in")
    _hit(WRONG_PASSWORDS, "password", about)
    yield
    if limiter.enabled:
        for key, _ in networks():
            for counter in (limiter.limiter, _fallback):
                for limit in (WRONG_PASSWORDS, _wider(WRONG_PASSWORDS)):
                    with suppress(StorageError):
                        counter.clear(limit, "password", key, about)


def limit_code() -> None:
    """Limit attempts at a code; call it before the code is checked.

    :raise RateLimitExceeded: too many attempts from this IP address
    """
    _hit(CODE_GUESSES, "code")


def limit_refused_key() -> None:
    """Limit attempts at API keys; call it when one was refused.

    :raise RateLimitExceeded: too many were refused from this IP address
    """
    _hit(REFUSED_KEYS, "API key")


def limit_sign_up() -> None:
    """Limit sign-ups by form and API.

    :raise RateLimitExceeded: too many sign-ups from this IP address
    """
    _hit(SIGN_UPS, "sign-up")
    _hit(SIGN_UPS_IN_DAY, "sign-ups of a day")


def limit_phone_change(account: int) -> None:
    """Limit changes of an account's phone number that reveal whether another account has the number.

    :raise RateLimitExceeded: too many changes of this account, or from this IP address
    """
    _hit(PHONE_CHANGES_BY_ADDRESS, "phone")
    _hit_one(PHONE_CHANGES, ("phone of account", str(account)))


def limit_email() -> None:
    """Limit e-mails that a visitor causes, such as codes.

    :raise RateLimitExceeded: too many e-mails from this IP address
    """
    _hit(EMAILS, "email")


def limit_order_email(email: str) -> None:
    """Limit orders whose e-mails go to an address that is not verified.

    :raise RateLimitExceeded: too many orders from this IP address for this e-mail address
    """
    _hit(ORDER_EMAILS, "order email", _digest(mailbox_of(email)))


def _digest(identifier: str) -> str:
    """Hash an identifier, so that no personal data is stored with the counters."""
    return hashlib.sha256(identifier.encode(errors="replace")).hexdigest()[:24]


def networks() -> list[tuple[str, bool]]:
    """The networks that the visitor counts for, each with whether it is the wider one of an IPv6 site."""
    site = site_key()
    return [(rate_limit_key(), False), *([(site, True)] if site else [])]


def _wider(limit: RateLimitItem) -> RateLimitItem:
    return type(limit)(limit.amount * SITE_SHARE, limit.multiples)


def _hit(limit: RateLimitItem, kind: str, about: str = "") -> None:
    if limiter.enabled:
        for network, is_site in networks():
            _hit_one(_wider(limit) if is_site else limit, (kind, network, *([about] if about else [])))


def _hit_one(limit: RateLimitItem, key: tuple[str, ...]) -> None:
    if not limiter.enabled:
        return
    try:
        seconds = _count(limiter.limiter, limit, key)
    except StorageError:
        logger.exception("Redis is unavailable: rate limits are counted per process")
        seconds = _count(_fallback, limit, key)
    if seconds:
        security_event(SecurityEvent.LIMIT_REACHED, limit=key[0])
        raise RateLimitExceeded(seconds)


def _count(counter: RateLimiter, limit: RateLimitItem, key: tuple[str, ...]) -> int:
    """Count an attempt.

    :return: 0 if it is allowed, else seconds until the next one is
    """
    if counter.hit(limit, *key):
        return 0
    seconds = counter.get_window_stats(limit, *key).reset_time - time.time()  # noqa: TID251 - the counter's clock
    return min(max(1, math.ceil(seconds)), limit.get_expiry())
