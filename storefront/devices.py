"""What a browser calls itself, in words that its owner recognises."""

from __future__ import annotations

# The first that is found: most browsers name others as well.
_BROWSERS = (
    ("Edg", "Edge"),
    ("OPR/", "Opera"),
    ("SamsungBrowser", "Samsung Internet"),
    ("Firefox", "Firefox"),
    ("FxiOS", "Firefox"),
    ("CriOS", "Chrome"),
    ("Chrome", "Chrome"),
    ("Safari", "Safari"),
)
_SYSTEMS = (
    ("iPhone", "iPhone"),
    ("iPad", "iPad"),
    ("Android", "Android"),
    ("Windows", "Windows"),
    ("Mac OS X", "Mac"),
    ("CrOS", "ChromeOS"),
    ("Linux", "Linux"),
)
LONGEST = 40  # characters of a name that a program gave itself


def describe(user_agent: str) -> str:
    """Firefox on Windows; the name of a program that is no browser; "Unknown browser" when it has none."""
    browser = next((name for mark, name in _BROWSERS if mark in user_agent), None)
    system = next((name for mark, name in _SYSTEMS if mark in user_agent), None)
    if browser is None:
        program = "".join(character for character in user_agent.partition("/")[0] if character.isprintable())
        return program.strip()[:LONGEST] or "Unknown browser"
    return f"{browser} on {system}" if system else browser
