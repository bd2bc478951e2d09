"""Where webhooks may be sent: URLs and the network addresses of their hosts.

Admins enter the URLs, but the shop sends from inside its network: an address there would let them, or whoever has one
of their sessions, reach what the internet cannot.
"""

from __future__ import annotations

import ipaddress
import re
import socket
from dataclasses import dataclass
from urllib.parse import urlsplit

from flask import current_app

from storefront.webhooks.values import MAX_URL_LENGTH, UrlProblem, UrlRefused

_VISIBLE = re.compile(r"[!-~]+")
_HOST = re.compile(r"[a-z0-9_]([a-z0-9._-]*[a-z0-9_])?\.?|[0-9a-f:.]*:[0-9a-f:.]*")
_PORTS = {"https": 443, "http": 80}

Address = ipaddress.IPv4Address | ipaddress.IPv6Address

# What is not the public internet, by the special-purpose registries of IANA (RFC 6890 and its successors). Written
# here because `is_global` of Python's ipaddress changed its mind in security releases.
_NOT_PUBLIC_V4 = [
    ipaddress.IPv4Network(network)
    for network in (
        "0.0.0.0/8",
        "10.0.0.0/8",
        "100.64.0.0/10",  # shared by providers and their customers
        "127.0.0.0/8",
        "169.254.0.0/16",  # link-local, with the metadata services of clouds
        "172.16.0.0/12",
        "192.0.0.0/24",
        "192.0.2.0/24",
        "192.88.99.0/24",  # relays to IPv6
        "192.168.0.0/16",
        "198.18.0.0/15",
        "198.51.100.0/24",
        "203.0.113.0/24",
        "224.0.0.0/4",  # multicast
        "240.0.0.0/4",  # reserved, and broadcast
    )
]
_GLOBAL_V6 = ipaddress.IPv6Network("2000::/3")
_NOT_PUBLIC_V6 = [
    ipaddress.IPv6Network(network)
    for network in (
        "2001::/23",  # protocol assignments: Teredo, which holds IPv4 addresses, benchmarking, ORCHID
        "2001:db8::/32",
        "2002::/16",  # 6to4, which holds IPv4 addresses
        "3fff::/20",
    )
]
_NAT64 = ipaddress.IPv6Network("64:ff9b::/96")  # how IPv6-only networks write IPv4 addresses


@dataclass(frozen=True, slots=True)
class Target:
    """The parts of a URL, read once: what is checked is what is connected to.

    :ivar host: in lower case, without brackets
    :ivar path: with the query string
    """

    scheme: str
    host: str
    port: int
    path: str


def parse(url: str) -> Target:
    """Read a URL.

    :raise UrlRefused: it is none, has credentials, or is not https where it must be
    """
    try:
        parts = urlsplit(url)
        host, port = (parts.hostname or ""), parts.port
    except ValueError:  # the port is no number, or brackets hold no address
        raise UrlRefused(UrlProblem.INVALID) from None
    is_written_well = len(url) <= MAX_URL_LENGTH and _VISIBLE.fullmatch(url) and "\\" not in url and not parts.fragment
    if not is_written_well or not _HOST.fullmatch(host) or port == 0 or parts.scheme not in _PORTS:
        raise UrlRefused(UrlProblem.INVALID)
    if "@" in parts.netloc:
        raise UrlRefused(UrlProblem.CREDENTIALS)
    if parts.scheme != "https" and _is_production():
        raise UrlRefused(UrlProblem.NOT_HTTPS)
    path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    return Target(parts.scheme, host, port or _PORTS[parts.scheme], path)


def host_of(url: str) -> str:
    """The host name of a URL that was checked when it was entered, for headings and the audit log."""
    return urlsplit(url).hostname or ""


def resolve(target: Target) -> list[str]:
    """Look up the addresses of a host, and check every one of them.

    :return: addresses to connect to, in the order of the resolver; connecting by the name instead would look it up
        again, and could get another answer
    :raise UrlRefused: it has none, or one that nothing is sent to
    """
    try:
        found = socket.getaddrinfo(target.host, target.port, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError):  # the latter: a label that is too long
        raise UrlRefused(UrlProblem.UNKNOWN_HOST) from None
    addresses = list(dict.fromkeys(str(entry[4][0]) for entry in found))
    if not addresses:
        raise UrlRefused(UrlProblem.UNKNOWN_HOST)
    is_local = not _is_production() and all(ipaddress.ip_address(address).is_loopback for address in addresses)
    if target.scheme != "https" and not is_local:
        raise UrlRefused(UrlProblem.NOT_HTTPS)
    is_exempt = is_local or target.host.rstrip(".") in current_app.config["WEBHOOK_PRIVATE_HOSTS"]
    if not is_exempt and not all(is_public(ipaddress.ip_address(address)) for address in addresses):
        raise UrlRefused(UrlProblem.PRIVATE)
    return addresses


def is_public(address: Address) -> bool:
    """Whether an address belongs to a host of the public internet.

    An IPv4 address within an IPv6 address counts by itself.
    """
    if isinstance(address, ipaddress.IPv6Address):
        inner = address.ipv4_mapped
        if address in _NAT64:
            inner = ipaddress.IPv4Address(int(address) & 0xFFFFFFFF)
        if inner is None:
            return address in _GLOBAL_V6 and not any(address in network for network in _NOT_PUBLIC_V6)
        address = inner
    return not any(address in network for network in _NOT_PUBLIC_V4)


def _is_production() -> bool:
    return bool(current_app.config["ENVIRONMENT"] == "production")
