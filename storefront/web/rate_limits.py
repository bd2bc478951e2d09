"""Rate limits of sign-in, codes, sign-up and e-mails, counted per IP address; in Redis where configured.

reliability.md B13: per IP address and minute, five wrong passwords for an account and twenty sign-in attempts.
"""

from __future__ import annotations

import hashlib
import logging
import math
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress

from limits import RateLimitItem, RateLimitItemPerHour, RateLimitItemPerMinute
from limits.errors import StorageError
from limits.storage import MemoryStorage
from limits.strategies import FixedWindowRateLimiter, RateLimiter

from storefront.core.errors import RetryLater
from storefront.core.security_log import SecurityEvent, security_event
from storefront.web.security_headers import limiter, rate_limit_key

logger = logging.getLogger(__name__)

SIGN_INS = RateLimitItemPerMinute(20)  # per IP address
WRONG_PASSWORDS = RateLimitItemPerMinute(5)  # per IP address and account
CODE_GUESSES = RateLimitItemPerMinute(20)  # per IP address; each code allows five
SIGN_UPS = RateLimitItemPerMinute(20)  # per IP address; each reveals whether an account exists
EMAILS = RateLimitItemPerHour(30)  # per IP address, to all recipients
ORDER_EMAILS = RateLimitItemPerHour(30)  # per IP address and recipient: each order sends one

_fallback = FixedWindowRateLimiter(MemoryStorage())  # counts in this process while Redis is unavailable


class RateLimitExceeded(RetryLater):
    """A rate limit of this module was exceeded."""


@contextmanager
def limit_sign_in(identifier: object) -> Iterator[None]:
    """Limit attempts at a password: wrap the check in it; a correct password resets the count of the account.

    Attempts are counted before the check, so that concurrent ones cannot share a count.

    :param identifier: of the account, as typed; or its id, where a signed-in user confirms the password
    :raise RateLimitExceeded: before the check; from another IP address the owner can still sign in
    """
    about = _digest(str(identifier).strip().lower())
    _hit(SIGN_INS, "sign-in")
    _hit(WRONG_PASSWORDS, "password", about)
    yield
    if limiter.enabled:
        for counter in (limiter.limiter, _fallback):
            with suppress(StorageError):
                counter.clear(WRONG_PASSWORDS, "password", rate_limit_key(), about)


def limit_code() -> None:
    """Limit attempts at a code; call it before the code is checked.

    :raise RateLimitExceeded: too many attempts from this IP address
    """
    _hit(CODE_GUESSES, "code")


def limit_sign_up() -> None:
    """Limit sign-ups by form and API.

    :raise RateLimitExceeded: too many sign-ups from this IP address
    """
    _hit(SIGN_UPS, "sign-up")


def limit_email() -> None:
    """Limit e-mails that a visitor causes, such as codes.

    :raise RateLimitExceeded: too many e-mails from this IP address
    """
    _hit(EMAILS, "email")


def limit_order_email(email: str) -> None:
    """Limit orders whose e-mails go to an address that is not verified.

    :raise RateLimitExceeded: too many orders from this IP address for this e-mail address
    """
    _hit(ORDER_EMAILS, "order email", _digest(email.strip().lower()))


def _digest(identifier: str) -> str:
    """Hash an identifier, so that no personal data is stored with the counters."""
    return hashlib.sha256(identifier.encode(errors="replace")).hexdigest()[:24]


def _hit(limit: RateLimitItem, kind: str, about: str = "") -> None:
    if not limiter.enabled:
        return
    key = (kind, rate_limit_key(), *([about] if about else []))
    try:
        seconds = _count(limiter.limiter, limit, key)
    except StorageError:
        logger.exception("Redis is unavailable: rate limits are counted per process")
        seconds = _count(_fallback, limit, key)
    if seconds:
        security_event(SecurityEvent.LIMIT_REACHED, limit=kind)
        raise RateLimitExceeded(seconds)


def _count(counter: RateLimiter, limit: RateLimitItem, key: tuple[str, ...]) -> int:
    """Count an attempt.

    :return: 0 if it is allowed, else seconds until the next one is
    """
    if counter.hit(limit, *key):
        return 0
    seconds = counter.get_window_stats(limit, *key).reset_time - time.time()  # noqa: TID251 - the counter's clock
    return min(max(1, math.ceil(seconds)), limit.get_expiry())
