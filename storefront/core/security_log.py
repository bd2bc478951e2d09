"""What the shop writes down of its running: never what was sent, and no card number even if one slips through."""

from __future__ import annotations

import copy
import json
import logging
import re
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from enum import StrEnum

from storefront.core.card_numbers import redact

_QUERY = re.compile(r"\?\S*(?= HTTP/)")  # of the request line that Flask's own server writes, none other is written
_BLANK = re.compile(r"%20|%2d|%c2%a0", re.IGNORECASE)
_BARE = re.compile(r"[\w.:/<>@+-]+", re.ASCII)  # what a value needs no quotation marks for
_CONTINUED = "\n  | "  # begins every line after the first: no trace of an error can be taken for an entry
MAX_VALUE_LENGTH = 200  # characters; what is longer is cut

security_logger = logging.getLogger("storefront.security_events")


class SecurityEvent(StrEnum):
    """What is told of by `security_event`: words of the OWASP Logging Vocabulary, or like them where it has none."""

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
    """One line for each entry, its moment in UTC; a trace follows in lines that are marked as its own.

    Blots out card numbers, traces included, leaves out query strings, and writes line ends and other characters that
    are not seen as escapes: nobody forges an entry by what they type.
    """

    def format(self, record: logging.LogRecord) -> str:
        message = record.getMessage()
        if record.name == "werkzeug":
            message = _BLANK.sub(" ", _QUERY.sub("", message))
        told = copy.copy(record)
        told.msg, told.args = _printable(redact(message)), None
        return _CONTINUED.join(map(_printable, redact(super().format(told)).split("\n")))

    def formatTime(self, record: logging.LogRecord, datefmt: str | None = None) -> str:  # noqa: N802
        return datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds")


def _printable(text: str) -> str:
    if text.isprintable():
        return text
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode("ascii") for c in text)


def set_up() -> None:
    """Log to standard error, once a process."""
    handler = logging.StreamHandler()
    handler.setFormatter(RedactingFormatter("%(asctime)s %(levelname)s %(name)s: %(message)s"))
    logging.basicConfig(level=logging.INFO, handlers=[handler])
    for chatty in ("alembic", "flask-limiter", "huey"):
        logging.getLogger(chatty).setLevel(logging.WARNING)


def _request_facts() -> Mapping[str, object]:
    return {}


def use_request_facts(source: Callable[[], Mapping[str, object]]) -> None:
    """Say where to learn about the request under way.

    :param source: returns its account, address, method and route by these names; nothing outside of a request
    """
    global _request_facts  # noqa: PLW0603 - one process, one source
    _request_facts = source


def security_event(event: SecurityEvent, *, account: int | None = None, **facts: object) -> None:
    """Write down that somebody was let in or turned away: one line of `name=value`.

    Beside the facts it has the account, the visitor's address and the route as the shop declares it, so that no token
    of a path is in it.

    :param account: whom it is about, where that is known otherwise than by who is asking
    :param facts: none of them a secret or a whole e-mail address; what a visitor chose is cut and quoted
    """
    known: dict[str, object] = {"event": event, "account": None, **_request_facts()}
    if account is not None:
        known["account"] = account
    level = logging.INFO if event in {SecurityEvent.SIGNED_IN, SecurityEvent.PASSWORD_CHANGED} else logging.WARNING
    security_logger.log(level, " ".join(f"{name}={_value(fact)}" for name, fact in (known | facts).items()))


def _value(fact: object) -> str:
    text = "-" if fact is None else str(fact)[:MAX_VALUE_LENGTH]
    return text if _BARE.fullmatch(text) else json.dumps(text, ensure_ascii=False)
