"""Security set-up of every request and response: proxy, same-origin check, request guards, CSRF, limits, headers."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from functools import lru_cache
from ipaddress import IPv6Address, IPv6Network, ip_address
from typing import ParamSpec

from flask import Flask, current_app, g
from flask.typing import ResponseReturnValue
from flask_limiter import Limiter
from flask_limiter.util import get_remote_address
from flask_wtf.csrf import CSRFError, generate_csrf
from limits import parse_many
from werkzeug.exceptions import Forbidden
from werkzeug.middleware.proxy_fix import ProxyFix
from werkzeug.wrappers import Response

from storefront.core.security_log import SecurityEvent, security_event, use_request_facts
from storefront.web import request_guards, same_origin
from storefront.web.error_pages import render_http_error
from storefront.web.form_tokens import FormTokens
from storefront.web.security_context import LOGGED, request_facts

P = ParamSpec("P")

CONTENT_SECURITY_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; font-src 'self'; connect-src 'self'; "
    "manifest-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'; object-src 'none'"
)
HEADERS = {
    "Content-Security-Policy": CONTENT_SECURITY_POLICY,
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "strict-origin-when-cross-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=(), payment=(), usb=()",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
}
TWO_YEARS = 2 * 365 * 24 * 3600  # seconds; what the HSTS preload list asks for

_EVENT_BY_STATUS = {403: SecurityEvent.ACCESS_REFUSED, 429: SecurityEvent.LIMIT_REACHED}

REDIS_SECONDS = 2.0  # time-out; a slower Redis counts as unavailable

# An IP address with its source port, as some proxies write it; the port differs between requests.
_WITH_PORT = re.compile(r"\[(?P<v6>[^\]]+)\](?::\d+)?|(?P<v4>[\d.]+):\d+", re.ASCII)
# Bits. The owner of one IPv6 address has its whole /64, and a site mostly a whole /48 (RFC 6177).
IPV6_PREFIX, IPV6_SITE_PREFIX = 64, 48
SITE_SHARE = 4  # what all /64 networks of a site may do together, in shares of what one may


def rate_limit_key() -> str:
    """The key that rate limits count by: an IPv4 address, or the /64 network of an IPv6 address."""
    address = _caller_address()
    return _network(address, IPV6_PREFIX) if isinstance(address, IPv6Address) else str(address)


def site_key() -> str:
    """The key of the wider limits: the /48 network of an IPv6 address; "" for IPv4, which has none."""
    address = _caller_address()
    return _network(address, IPV6_SITE_PREFIX) if isinstance(address, IPv6Address) else ""


def _caller_address() -> IPv6Address | str:
    """The address of the visitor; text unless it is an IPv6 address of its own."""
    return _parsed_address(get_remote_address())


@lru_cache(maxsize=4096)
def _parsed_address(address_text: str) -> IPv6Address | str:
    if with_port := _WITH_PORT.fullmatch(address_text):
        address_text = with_port["v6"] or with_port["v4"]
    try:
        address = ip_address(address_text)
    except ValueError:  # a proxy may send anything
        return address_text
    if not isinstance(address, IPv6Address):
        return address_text
    return address if address.ipv4_mapped is None else str(address.ipv4_mapped)


def _network(address: IPv6Address, prefix: int) -> str:
    return str(IPv6Network((int(address), prefix), strict=False))


def limit_requests(
    limits: str, *, methods: list[str] | None = None
) -> Callable[[Callable[P, ResponseReturnValue]], Callable[P, ResponseReturnValue]]:
    """Decorate a view: limit how often an IP address requests it, and `SITE_SHARE` times that for an IPv6 site.

    :param limits: such as "20/minute;100/hour"
    :param methods: of the requests that count; None: all
    """
    wider = ";".join(
        f"{limit.amount * SITE_SHARE} per {limit.multiples} {limit.GRANULARITY.name}" for limit in parse_many(limits)
    )

    def decorate(view: Callable[P, ResponseReturnValue]) -> Callable[P, ResponseReturnValue]:
        by_site = limiter.limit(wider, key_func=site_key, exempt_when=lambda: not site_key(), methods=methods)
        return limiter.limit(limits, methods=methods)(by_site(view))

    return decorate


csrf = FormTokens()
# While Redis is unavailable each process counts for itself, so that limits still apply.
limiter = Limiter(rate_limit_key, headers_enabled=True, in_memory_fallback_enabled=True)


def init_app(app: Flask) -> None:
    """Register all guards. The order matters: the same-origin check comes first."""
    if app.config["PROXY_COUNT"]:
        hops = app.config["PROXY_COUNT"]
        app.wsgi_app = ProxyFix(app.wsgi_app, x_for=hops, x_proto=hops, x_host=hops)  # type: ignore[method-assign]
    same_origin.init_app(app)
    request_guards.init_app(app)
    app.config.setdefault("RATELIMIT_STORAGE_URI", app.config["REDIS_URL"] or "memory://")
    app.config.setdefault("RATELIMIT_STORAGE_OPTIONS", {"wrap_exceptions": True, **_redis_options(app)})
    use_request_facts(request_facts)
    csrf.init_app(app)
    limiter.init_app(app)
    app.register_error_handler(CSRFError, refuse_forged_form)
    app.after_request(add_headers)
    app.after_request(log_refusals)


def _redis_options(app: Flask) -> dict[str, float]:
    seconds = REDIS_SECONDS
    return {"socket_connect_timeout": seconds, "socket_timeout": seconds} if app.config["REDIS_URL"] else {}


def refuse_forged_form(error: CSRFError) -> ResponseReturnValue:
    """Log a form without a valid CSRF token, and answer it like one of another site.

    From then on the visitor's forms have a token, for a browser that does not say where they come from.
    """
    security_event(SecurityEvent.FORM_FORGED)
    generate_csrf()
    return render_http_error(Forbidden())


def allow_form_targets(response: Response, origins: Iterable[str]) -> None:
    """Allow the forms of a page to redirect to other origins: browsers apply `form-action` to redirects, too."""
    targets = " ".join(["form-action 'self'", *origins])
    response.headers["Content-Security-Policy"] = CONTENT_SECURITY_POLICY.replace("form-action 'self'", targets)


def add_headers(response: Response) -> Response:
    """Add the security headers to a response."""
    for name, value in HEADERS.items():
        response.headers.setdefault(name, value)
    if current_app.config["HTTPS"]:
        response.headers["Strict-Transport-Security"] = f"max-age={TWO_YEARS}; includeSubDomains; preload"
    response.vary.update(("Cookie",) if response.mimetype == "text/html" else ())
    return response


def log_refusals(response: Response) -> Response:
    """Log a refusal, unless a guard already logged it with more details."""
    event = _EVENT_BY_STATUS.get(response.status_code)
    if event is not None and not g.get(LOGGED):
        security_event(event)
    return response
