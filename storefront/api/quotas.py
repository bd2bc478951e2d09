"""The general rate limits of the API: requests a minute by class of caller, told in each answer.

Headers as in draft 12 of https://datatracker.ietf.org/doc/draft-ietf-httpapi-ratelimit-headers/. Answers of the page
cache (`web/page_cache.py`) are given before anybody is known: they do not count, and have no such headers.
"""

from __future__ import annotations

import logging
import math
import threading
import time
from collections import Counter
from dataclasses import dataclass

from flask import Flask, current_app, g, request
from limits.errors import StorageError
from limits.storage import Storage
from werkzeug.wrappers import Response

from storefront.api.guards import public
from storefront.api.operations import bp, find_operation
from storefront.core.clock import utc_now
from storefront.core.security_log import SecurityEvent, security_event
from storefront.web import session as web_session
from storefront.web.api_callers import current_api_key
from storefront.web.rate_limits import RateLimitExceeded, networks
from storefront.web.security_headers import SITE_SHARE, limiter

WINDOW = 60  # seconds; windows begin at full minutes
REDIS_PAUSE = 10  # seconds without asking Redis, after it did not answer
_USED = "api_quotas_used"  # in `g`

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Quota:
    """What one caller may do in a window.

    :ivar policy: class of the caller, as the headers name it
    :ivar caller: key of the count
    """

    policy: str
    requests: int
    caller: str


class RequestCounter:
    """Counts requests of the present window: in Redis, or in this process while there is none.

    In the process it is no storage of `limits`: those start a timer thread for expired counts, at ten times the cost.
    """

    def __init__(self, redis: Storage | None) -> None:
        self._redis, self._redis_paused_until = redis, 0.0
        self._lock, self._window, self._counts = threading.Lock(), 0, Counter[str]()

    def count(self, caller: str, window: int) -> int:
        """Count a request.

        :param window: number of the present window
        :return: requests of this caller in it so far, this one included
        """
        if self._redis is not None and time.monotonic() >= self._redis_paused_until:
            try:
                return self._redis.incr(f"api/{caller}/{window}", WINDOW)
            except StorageError:
                logger.exception("Redis is unavailable: requests to the API are counted per process")
                self._redis_paused_until = time.monotonic() + REDIS_PAUSE
        with self._lock:
            if window != self._window:
                self._window, self._counts = window, Counter()
            self._counts[caller] += 1
            return self._counts[caller]


def init_app(app: Flask) -> None:
    """Count the requests of the API's blueprint, if there are rate limits."""
    has_shared_counts = app.config["REDIS_URL"] and app.config["RATELIMIT_ENABLED"]
    app.extensions["api_request_counter"] = RequestCounter(limiter.storage if has_shared_counts else None)
    app.before_request_funcs.setdefault(bp.name, []).append(count_request)
    app.after_request_funcs.setdefault(bp.name, []).append(add_headers)


def count_request() -> None:
    """Count the request for its caller.

    :raise RateLimitExceeded: the caller has no requests left in this window
    :raise InvalidApiKey: as `current_api_key`
    """
    if not limiter.enabled:
        return
    window, elapsed = divmod(utc_now().timestamp(), WINDOW)
    reset = math.ceil(WINDOW - elapsed)
    counter: RequestCounter = current_app.extensions["api_request_counter"]
    used = [(quota, quota.requests - counter.count(quota.caller, int(window))) for quota in _quotas()]
    setattr(g, _USED, (used, reset))
    for quota, left in used:
        if left < 0:
            security_event(SecurityEvent.LIMIT_REACHED, limit=f"API, {quota.policy}", caller=quota.caller)
            raise RateLimitExceeded(reset)


def _quotas() -> list[Quota]:
    """The quotas that the request counts for. Nobody is looked up for it whom its guard would not look up."""
    config, declared = current_app.config, find_operation(request.endpoint)
    if declared is not None and (key := current_api_key()):
        return [Quota("key", key.requests_per_minute, f"key {key.id}")]
    is_looked_up = declared is not None and ("Authorization" in request.headers or declared.access is not public)
    if is_looked_up and (person := web_session.current_account()):
        is_staff = person.account.role.is_staff
        policy, requests = ("staff", "RATELIMIT_API_STAFF") if is_staff else ("signed-in", "RATELIMIT_API_SIGNED_IN")
        return [Quota(policy, config[requests], f"account {person.id}")]
    requests = config["RATELIMIT_API_ANONYMOUS"]
    return [
        Quota("anonymous-site", requests * SITE_SHARE, network) if is_site else Quota("anonymous", requests, network)
        for network, is_site in networks()
    ]


def add_headers(response: Response) -> Response:
    """Tell the caller's quotas, what is left of them, and the seconds until they are full again."""
    if _USED in g:
        used, reset = g.get(_USED)
        policies = (f'"{quota.policy}";q={quota.requests};w={WINDOW}' for quota, _ in used)
        response.headers["RateLimit-Policy"] = ", ".join(policies)
        response.headers["RateLimit"] = ", ".join(
            f'"{quota.policy}";r={max(0, left)};t={reset}' for quota, left in used
        )
    return response
