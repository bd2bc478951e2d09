"""What a browser calls itself, in words that its owner recognises."""

from __future__ import annotations

import re

import ua_parser

MAX_LENGTH = 40  # characters of a name that a program gave itself
_MAX_READ = 500  # characters of a header that are looked at; those of browsers have less than 300
_VARIANT = re.compile(r"^Mobile | (?:Mobile|iOS|WebView|UI/WKWebView)(?= |$)")  # "Chrome Mobile iOS" is Chrome
_SYSTEMS = {"Mac OS X": "Mac", "Chrome OS": "ChromeOS"}
_DEVICES = frozenset({"iPhone", "iPad"})  # better known than their system


def device_name(user_agent: str) -> str:
    """Name a browser and what it runs on: "Firefox on Windows".

    :param user_agent: the header it sent
    :return: the name of a program that is no browser, as it gave it; "Unknown browser" when it has none
    """
    found = ua_parser.parse(user_agent[:_MAX_READ])
    if found.user_agent is None:
        return _cut(user_agent.partition("/")[0]) or "Unknown browser"
    browser = _cut(_VARIANT.sub("", found.user_agent.family))
    if found.device and found.device.family in _DEVICES:
        return f"{browser} on {found.device.family}"
    return f"{browser} on {_cut(_SYSTEMS.get(found.os.family, found.os.family))}" if found.os else browser


def _cut(name: str) -> str:
    return "".join(character for character in name if character.isprintable()).strip()[:MAX_LENGTH]
