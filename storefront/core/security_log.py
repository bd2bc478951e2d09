"""The plain form of log entries, and the security event log. Neither holds request bodies, queries or card numbers."""

from __future__ import annotations

import copy
import json
import logging
import re
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from enum import StrEnum

from storefront.core.card_numbers import redact

_QUERY = re.compile(r"\?\S*(?= HTTP/)")  # in the access log of Flask's development server, the only one there is
_BLANK = re.compile(r"%20|%2d|%c2%a0", re.IGNORECASE)
_BARE = re.compile(r"[\w.:/<>@+-]+", re.ASCII)  # values written without quotation marks
_CONTINUED = "\n  | "  # begins every further line, so that a traceback cannot be taken for an entry
MAX_VALUE_LENGTH = 200  # characters; longer values are cut
FIELDS = "storefront_fields"  # attribute of an entry: facts by name, for the form that has fields

security_logger = logging.getLogger("storefront.security_events")


class SecurityEvent(StrEnum):
    """The events of the security log, named by the OWASP Logging Vocabulary, or in its style where it has no name."""

    SIGNED_IN = "authn_login_success"
    SIGN_IN_REFUSED = "authn_login_fail"
    CODE_REFUSED = "authn_code_fail"
    TOKEN_REFUSED = "authn_token_fail"  # noqa: S105
    PASSWORD_CHANGED = "authn_password_change"  # noqa: S105
    ACCESS_REFUSED = "authz_fail"
    LIMIT_REACHED = "excess_rate_limit_exceeded"
    FOREIGN_ORIGIN = "malicious_cors"
    FORM_FORGED = "malicious_csrf"


class RedactingFormatter(logging.Formatter):
    """Formats each entry on one line with its time in UTC; the lines of a traceback are marked as such.

    Card numbers are redacted, query strings left out, and line ends and other unprintable characters escaped, so that
    no input can forge an entry.
    """

    def format(self, record: logging.LogRecord) -> str:
        redacted = copy.copy(record)
        redacted.msg, redacted.args = _printable(redact(text_of(record))), None
        return _CONTINUED.join(map(_printable, redact(super().format(redacted)).split("\n")))

    def formatTime(self, record: logging.LogRecord, datefmt: str | None = None) -> str:  # noqa: N802
        return moment_of(record)


def text_of(record: logging.LogRecord) -> str:
    """The message of an entry, without query strings."""
    message = record.getMessage()
    return _BLANK.sub(" ", _QUERY.sub("", message)) if record.name == "werkzeug" else message


def moment_of(record: logging.LogRecord) -> str:
    """The time of an entry: ISO 8601, in UTC, with milliseconds."""
    return datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds")


def _printable(text: str) -> str:
    if text.isprintable():
        return text
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode("ascii") for c in text)


def _request_facts() -> Mapping[str, object]:
    return {}


def use_request_facts(source: Callable[[], Mapping[str, object]]) -> None:
    """Set the function that describes the current request.

    :param source: returns its account, address, method and route by these names; empty outside of a request
    """
    global _request_facts  # noqa: PLW0603 - one source per process
    _request_facts = source


def security_event(event: SecurityEvent, *, account: int | None = None, **facts: object) -> None:
    """Write one line of `name=value` to the security log: a sign-in, a change of credentials, or a refusal.

    Account, IP address and route of the current request are added. The route is the URL rule, so that no token of a
    path is logged.

    :param account: the account concerned, where it is not the one of the current request
    :param facts: no secrets and no whole e-mail addresses; long values are cut, others quoted where necessary
    """
    entry: dict[str, object] = {"event": event, "account": None, **_request_facts()}
    if account is not None:
        entry["account"] = account
    level = logging.INFO if event in {SecurityEvent.SIGNED_IN, SecurityEvent.PASSWORD_CHANGED} else logging.WARNING
    entry |= facts
    text = " ".join(f"{name}={_value(fact)}" for name, fact in entry.items())
    security_logger.log(level, text, extra={FIELDS: {name: _plain(fact) for name, fact in entry.items()}})


def _plain(fact: object) -> object:
    """A fact as JSON may hold it."""
    return fact if fact is None or isinstance(fact, int) else str(fact)[:MAX_VALUE_LENGTH]


def _value(fact: object) -> str:
    text = "-" if fact is None else str(fact)[:MAX_VALUE_LENGTH]
    return text if _BARE.fullmatch(text) else json.dumps(text, ensure_ascii=False)
