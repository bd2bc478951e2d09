"""Parts of pages that are the same for everyone, as HTML: drawn once from what they show, and kept by it.

Whatever changes in what is shown is another key, so nothing kept is ever old. A part is drawn as nobody, so that
nothing of a visitor gets into what others see; the token of its forms is put in afterwards.
"""

from __future__ import annotations

import secrets
import threading
from collections.abc import Callable, Hashable, Iterable, Mapping
from pathlib import PurePath
from typing import NamedTuple, Protocol

from cachetools import LRUCache
from flask import Flask, current_app, g, request
from flask_wtf.csrf import generate_csrf
from markupsafe import Markup

from storefront.nobody import as_nobody

MOST_KEPT = 8_000_000  # characters in one process, of two bytes each; a product card has 2,400


class Values(Hashable, Protocol):
    """All that a part shows, by the names its macro gives them: a `NamedTuple` of what never changes."""

    def _asdict(self) -> Mapping[str, object]: ...


class Part(NamedTuple):
    """:ivar template: one with a macro of its own name :ivar root: the path at which the shop is mounted"""

    template: str
    root: str
    values: Values


class Drawn:
    """What was drawn in this process. :ivar kept: with the same letters in place of every token"""

    def __init__(self, app: Flask) -> None:
        self._app = app
        self._lock = threading.Lock()
        self._no_token = secrets.token_urlsafe(32)  # nobody knows it, so nothing that is shown can hold it
        self.kept: LRUCache[Part, str] = LRUCache(MOST_KEPT, getsizeof=len)

    def draw(self, parts: list[Part]) -> Markup:
        """Parts one after another, as this visitor is to see them."""
        with self._lock:
            found = [self._find(part) for part in parts]
        if missing := [part for part, html in zip(parts, found, strict=True) if html is None]:
            fresh = as_nobody(self._app, lambda: self._draw(missing), root=missing[0].root)
            found = [html or fresh[part] for part, html in zip(parts, found, strict=True)]
        drawn = "".join(html for html in found if html)
        if self._no_token in drawn:
            drawn = drawn.replace(self._no_token, generate_csrf())
        return Markup(drawn)  # noqa: S704 - every piece came out of a template

    def _find(self, part: Part) -> str | None:
        try:
            return self.kept[part]
        except KeyError:
            return None

    def _draw(self, parts: list[Part]) -> dict[Part, str]:
        g.csrf_token = self._no_token  # what `csrf_token()` answers from now on
        fresh = {part: self._macro_of(part.template)(**part.values._asdict()) for part in parts}
        if not self._app.jinja_env.auto_reload:  # who changes a template wants to see it
            with self._lock:
                self.kept.update(fresh)
        return fresh

    def _macro_of(self, template: str) -> Callable[..., str]:
        name = PurePath(template).stem.lstrip("_")
        macro: Callable[..., str] = getattr(self._app.jinja_env.get_template(template).module, name)
        return macro


def init_app(app: Flask) -> None:
    app.extensions["drawn"] = Drawn(app)


def draw(template: str, shown: Iterable[Values]) -> Markup:
    """The macro of a template, once for each of the values that it shows, one after another.

    It may ask for nothing but these values: neither the request nor who sent it is known to it.
    """
    drawn: Drawn = current_app.extensions["drawn"]
    root = request.script_root
    return drawn.draw([Part(template, root, values) for values in shown])
