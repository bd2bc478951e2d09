"""What User-Agent headers say: kinds of clients, names of devices."""

from __future__ import annotations

import re

MAX_LENGTH = 40  # characters of the name of an unknown program
_MAX_READ = 500  # characters of a header that are parsed; browsers send fewer than 300
_VARIANT = re.compile(r"^Mobile | (?:Mobile|iOS|WebView|UI/WKWebView)(?= |$)")  # "Chrome Mobile iOS" is Chrome
_BOT = re.compile(r"bot\b|crawl|spider|slurp|preview|externalhit|\+https?://", re.IGNORECASE)
_SYSTEMS = {"Mac OS X": "Mac", "Chrome OS": "ChromeOS"}
_DEVICES = frozenset({"iPhone", "iPad"})  # named instead of their operating system


def client_kind(user_agent: str) -> str:
    """Tell browsers from programs, by what they say of themselves.

    :param user_agent: the User-Agent header
    :return: "bot", "browser", "program", or "unknown" without one
    """
    if not user_agent:
        return "unknown"
    if _BOT.search(user_agent[:_MAX_READ]):
        return "bot"
    return "browser" if user_agent.startswith(("Mozilla/", "Opera/")) else "program"


def device_name(user_agent: str) -> str:
    """Name the browser and its operating system or device: "Firefox on Windows".

    :param user_agent: the User-Agent header
    :return: for other programs the name they give themselves; "Unknown browser" without one
    """
    import ua_parser  # asked when somebody signs in

    parsed = ua_parser.parse(user_agent[:_MAX_READ])
    if parsed.user_agent is None:
        return _cut(user_agent.partition("/")[0]) or "Unknown browser"
    browser = _cut(_VARIANT.sub("", parsed.user_agent.family))
    if parsed.device and parsed.device.family in _DEVICES:
        return f"{browser} on {parsed.device.family}"
    return f"{browser} on {_cut(_SYSTEMS.get(parsed.os.family, parsed.os.family))}" if parsed.os else browser


def _cut(name: str) -> str:
    return "".join(character for character in name if character.isprintable()).strip()[:MAX_LENGTH]
