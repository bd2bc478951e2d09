"""How often something may be tried: passwords, codes, letters. Counted in Redis where there are several processes.

reliability.md B13: five wrong passwords for an account from one address within a minute, twenty tries from one address.
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

SIGN_INS = RateLimitItemPerMinute(20)  # of an address
WRONG_PASSWORDS = RateLimitItemPerMinute(5)  # of an address, for one account
CODE_GUESSES = RateLimitItemPerMinute(20)  # of an address; each code bears five
SIGN_UPS = RateLimitItemPerMinute(20)  # of an address; each says whether an address has an account
LETTERS = RateLimitItemPerHour(30)  # that an address may have sent, to whomever
ORDER_LETTERS = RateLimitItemPerHour(30)  # of an address, to one e-mail address: each order has one sent

_here = FixedWindowRateLimiter(MemoryStorage())  # counts while Redis is away


class RateLimitExceeded(RetryLater):
    """Somebody tried too often."""


@contextmanager
def limit_sign_in(identifier: object) -> Iterator[None]:
    """Around the check of a password; the right one takes back what was counted against this account.

    It is counted before the check: tries sent at the same time cannot share one.

    :param identifier: of the account, as typed; or its id, where somebody signed in is asked again
    :raise TooManyTries: nothing is checked any more for a while; from another address the owner still gets in
    """
    about = _about(str(identifier).strip().lower())
    _take(SIGN_INS, "sign-in")
    _take(WRONG_PASSWORDS, "password", about)
    yield
    if limiter.enabled:
        for counter in (limiter.limiter, _here):
            with suppress(StorageError):
                counter.clear(WRONG_PASSWORDS, "password", rate_limit_key(), about)


def limit_code() -> None:
    """Before a code is looked at.

    :raise TooManyTries: this address entered too many
    """
    _take(CODE_GUESSES, "code")


def limit_sign_up() -> None:
    """Before an account is begun or opened by API.

    :raise TooManyTries: this address began too many
    """
    _take(SIGN_UPS, "sign-up")


def limit_email() -> None:
    """Before somebody has a letter sent.

    :raise TooManyTries: this address had too many sent
    """
    _take(LETTERS, "letter")


def limit_order_email(email: str) -> None:
    """Before an order is begun whose letters go to an address that nobody proved to be theirs.

    :raise TooManyTries: this address had too many sent there
    """
    _take(ORDER_LETTERS, "order letter", _about(email.strip().lower()))


def _about(identifier: str) -> str:
    """What is counted needs no name."""
    return hashlib.sha256(identifier.encode(errors="replace")).hexdigest()[:24]


def _take(limit: RateLimitItem, kind: str, about: str = "") -> None:
    if not limiter.enabled:
        return
    counted = (kind, rate_limit_key(), *([about] if about else []))
    try:
        seconds = _wait_after(limiter.limiter, limit, counted)
    except StorageError:
        logger.exception("tries cannot be counted together: each process counts its own")
        seconds = _wait_after(_here, limit, counted)
    if seconds:
        security_event(SecurityEvent.LIMIT_REACHED, limit=kind)
        raise RateLimitExceeded(seconds)


def _wait_after(counter: RateLimiter, limit: RateLimitItem, counted: tuple[str, ...]) -> int:
    """Count a try.

    :return: 0 if it is allowed, else seconds until the next one is
    """
    if counter.hit(limit, *counted):
        return 0
    seconds = counter.get_window_stats(limit, *counted).reset_time - time.time()  # noqa: TID251 - the counter's clock
    return min(max(1, math.ceil(seconds)), limit.get_expiry())
