"""Readers of environment variables, one for each kind of setting. What cannot work ends the start, by its name."""

from __future__ import annotations

import logging
import os
import re
from collections.abc import Collection
from decimal import Decimal
from ipaddress import ip_address
from pathlib import Path
from urllib.parse import SplitResult, urlsplit
from zoneinfo import ZoneInfo

from babel import Locale, UnknownLocaleError

LAST_PORT = 65535
HTTP, THIS_MACHINE = ("http", "https"), {"localhost", "127.0.0.1", "::1"}

# Renamed settings, old name: new name. The old name is still read, with a warning.
RENAMED = {"CACHE_COUNTS": "CACHE_ENABLED", "PICTURE_STORE": "IMAGE_STORAGE"}

logger = logging.getLogger(__name__)


class ConfigurationError(RuntimeError):
    """A setting is missing, invalid or unsafe, and the application refuses to start."""


def invalid_setting(name: str, must_be: str, example: object, found: str | None = None) -> ConfigurationError:
    """Make the error for an invalid setting.

    :param found: its present value; left out where it may hold a secret
    """
    actual = "" if found is None else f"; it is “{found}”"
    return ConfigurationError(f"{name} must be {must_be}, such as {example}{actual}")


# ----------------------------------------------------------------------------------- one kind of setting each


def _value_of(name: str, default: str = "") -> str:
    """The value of an environment variable, under its present name or an old one."""
    names = [name, *(old for old, new in RENAMED.items() if new == name)]
    return next((os.environ[known] for known in names if known in os.environ), default)


def warn_of_old_names() -> None:
    for old, new in RENAMED.items():
        if old in os.environ:
            logger.warning("the setting %s was renamed to %s; the old name is deprecated", old, new)


def read_text(name: str, default: str = "") -> str:
    """A text setting; a blank one counts as not set."""
    return _value_of(name).strip() or default


def read_list(name: str, default: str = "") -> list[str]:
    """The items of a comma-separated list; a blank one is empty."""
    return [item.strip() for item in _value_of(name, default).split(",") if item.strip()]


def read_choice(name: str, choices: Collection[str], default: str) -> str:
    text = read_text(name, default)
    if text not in choices:
        raise invalid_setting(name, f"one of {', '.join(choices)}", default, text)
    return text


def read_flag(name: str, default: bool) -> bool:
    text = read_text(name, "1" if default else "0").lower()
    if text not in {"1", "true", "yes", "on", "0", "false", "no", "off"}:
        raise invalid_setting(name, "1 or 0", "1", text)
    return text in {"1", "true", "yes", "on"}


def read_number(name: str, default: str, *, least: int = 0, most: int, places: int = 0) -> Decimal:
    """A number within a range.

    :param places: how many decimals it may have
    """
    text = read_text(name, default)
    pattern = rf"[0-9]+(\.[0-9]{{1,{places}}})?" if places else "[0-9]+"
    if not re.fullmatch(pattern, text) or not least <= Decimal(text) <= most:
        kind = f"a number from {least} to {most} with at most {places} decimals" if places else ""
        raise invalid_setting(name, kind or f"a whole number from {least} to {most}", default, text)
    return Decimal(text)


def read_whole(name: str, default: int, *, least: int = 0, most: int) -> int:
    return int(read_number(name, str(default), least=least, most=most))


def read_port(name: str, default: int) -> int:
    """A port to listen on; 0 for none."""
    return read_whole(name, default, most=LAST_PORT)


def read_ip_address(name: str, default: str) -> str:
    text = read_text(name, default)
    try:
        return str(ip_address(text))
    except ValueError:
        raise invalid_setting(name, "an IP address of this machine", default, text) from None


def read_url(name: str, schemes: Collection[str], example: str) -> str:
    """A URL, or empty. The error leaves the value out, which may hold a password."""
    text = read_text(name)
    if text and not _is_url(text, schemes):
        raise invalid_setting(
            name, f"an address that begins with {' or '.join(f'{scheme}://' for scheme in schemes)}", example
        )
    return text


def read_urls(name: str, schemes: Collection[str], example: str) -> tuple[str, ...]:
    """URLs separated by commas, or none. The error leaves the values out, which may hold passwords."""
    texts = read_list(name)
    if not all(_is_url(text, schemes) for text in texts):
        raise invalid_setting(name, "addresses separated by commas, each with http:// or https://", example)
    return tuple(texts)


def _is_url(text: str, schemes: Collection[str]) -> bool:
    try:
        parts = urlsplit(text)
        return parts.scheme in schemes and bool(parts.hostname) and parts.port != 0
    except ValueError:  # the port is no number
        return False


def refuse_unencrypted(name: str, url: SplitResult, what: str, better: str) -> None:
    if url.scheme in {"smtp", "http"} and url.hostname not in THIS_MACHINE:
        raise ConfigurationError(f"{name}={url.scheme}:// would send {what} unencrypted: in production use {better}")


def read_origin(name: str, text: str, example: str, *, is_secure: bool) -> str:
    """An origin as browsers write it, so that it can be compared: lower case, no slash, no default port."""
    schemes = ("https",) if is_secure else HTTP
    must_be = f"an origin that begins with {' or '.join(f'{scheme}://' for scheme in schemes)}, without a path"
    try:
        parts = urlsplit(text)
        host, port = parts.hostname or "", parts.port
    except ValueError:
        raise invalid_setting(name, must_be, example, text) from None
    rest = (parts.path.rstrip("/"), parts.query, parts.fragment, "@" in parts.netloc)
    if parts.scheme not in schemes or any(rest) or not re.fullmatch(r"[a-z0-9._-]+|[0-9a-f:.]*:[0-9a-f:.]*", host):
        raise invalid_setting(name, must_be, example, text)
    shown = f"[{host}]" if ":" in host else host
    is_default = port in {None, {"http": 80, "https": 443}[parts.scheme]}
    return f"{parts.scheme}://{shown}" + ("" if is_default else f":{port}")


def read_hosts(name: str) -> frozenset[str]:
    """Host names or IP addresses, without a port, in lower case."""
    hosts = [text.lower().rstrip(".") for text in read_list(name)]
    for host in hosts:
        if not re.fullmatch(r"[a-z0-9_]([a-z0-9._-]*[a-z0-9_])?|[0-9a-f:.]*:[0-9a-f:.]*:[0-9a-f:.]*", host):
            raise invalid_setting(name, "host names without a port, separated by commas", "erp.internal,10.0.0.7", host)
    return frozenset(hosts)


def read_mail_address(name: str, default: str) -> str:
    text = read_text(name, default)
    if not re.fullmatch(r"[^@\s<>,]+@[^@\s<>,]+", text):
        raise invalid_setting(name, "an e-mail address and nothing else", "shop@shop.example", text)
    return text


def read_locale(name: str, default: str) -> str:
    text = read_text(name, default)
    try:
        Locale.parse(text)
    except (UnknownLocaleError, ValueError):
        raise invalid_setting(name, "a language and a country", default, text) from None
    return text


def read_time_zone(name: str, default: str) -> str:
    text = read_text(name, default)
    try:
        ZoneInfo(text)
    except (LookupError, OSError, ValueError):
        raise invalid_setting(name, "a time zone of the IANA database", default, text) from None
    return text


def read_secret(name: str, beginnings: tuple[str, ...]) -> str:
    text = read_text(name)
    if text and not text.startswith(beginnings):
        raise invalid_setting(name, f"a secret that begins with {' or '.join(beginnings)}", f"{beginnings[0]}…")
    return text


def read_data_folder(name: str, default: str) -> Path:
    path = Path(read_text(name, default)).resolve()
    try:
        path.mkdir(parents=True, exist_ok=True)
        is_open = os.access(path, os.W_OK | os.X_OK)
    except OSError:
        is_open = False
    if not is_open:
        raise invalid_setting(name, "a folder that can be written to", "/var/lib/storefront", str(path))
    return path
