"""Parts of pages that are the same for everyone, as HTML: rendered once from what they show, and cached by it.

Whatever changes in what is shown is another key, so no fragment is ever old. A fragment is rendered in a request that
nobody sent, so that nothing of a visitor gets into what others see; the CSRF token of its forms is put in afterwards.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable, Hashable, Iterable, Mapping
from pathlib import PurePath
from typing import Any, NamedTuple, Protocol

from dogpile.cache import make_region
from dogpile.cache.api import NO_VALUE, CachedValue
from flask import Flask, current_app, g, request
from flask_wtf.csrf import generate_csrf
from markupsafe import Markup

from storefront.core.cache_backends import BoundedStore
from storefront.web.anonymous_request import run_anonymously

MAX_CHARACTERS = 8_000_000  # in one process, of two bytes each; a product card has 2,400


class FragmentArgs(Hashable, Protocol):
    """All that a fragment shows, by the names its macro gives them: a `NamedTuple` of what never changes."""

    def _asdict(self) -> Mapping[str, object]: ...


class FragmentKey(NamedTuple):
    """:ivar template: one with a macro of its own name
    :ivar root: the path at which the shop is mounted
    """

    template: str
    root: str
    args: FragmentArgs


class FragmentCache:
    """The fragments of this process.

    :ivar store: as rendered, with the same secret word in place of every CSRF token
    """

    def __init__(self, app: Flask, max_characters: int = MAX_CHARACTERS) -> None:
        self._app = app
        self._token_mark = secrets.token_urlsafe(32)  # nobody knows it, so nothing that is shown can hold it
        self.store: BoundedStore[CachedValue] = BoundedStore(max_characters, lambda value: len(value.payload))
        self._region = make_region().configure("dogpile.cache.memory", arguments={"cache_dict": self.store})

    def render(self, keys: list[FragmentKey]) -> Markup:
        """Fragments one after another, with the CSRF token of this visitor."""
        found: list[Any] = list(self._region.get_multi(keys))
        if missing := [key for key, html in zip(keys, found, strict=True) if html is NO_VALUE]:
            rendered = run_anonymously(self._app, lambda: self._render(missing), root=missing[0].root)
            found = [rendered[key] if html is NO_VALUE else html for key, html in zip(keys, found, strict=True)]
        html = "".join(found)
        if self._token_mark in html:
            html = html.replace(self._token_mark, generate_csrf())
        return Markup(html)  # noqa: S704 - every fragment came out of a template

    def _render(self, keys: list[FragmentKey]) -> dict[FragmentKey, str]:
        g.csrf_token = self._token_mark  # what `csrf_token()` answers from now on
        rendered = {key: str(self._macro_of(key.template)(**key.args._asdict())) for key in keys}
        if not self._app.jinja_env.auto_reload:  # who changes a template wants to see it
            self._region.set_multi(rendered)  # type: ignore[arg-type]  # the memory backend takes any hashable key
        return rendered

    def _macro_of(self, template: str) -> Callable[..., str]:
        name = PurePath(template).stem.lstrip("_")
        macro: Callable[..., str] = getattr(self._app.jinja_env.get_template(template).module, name)
        return macro


def init_app(app: Flask) -> None:
    """Give an application its fragments."""
    app.extensions["fragment_cache"] = FragmentCache(app)


def render_cached(template: str, shown: Iterable[FragmentArgs]) -> Markup:
    """The macro of a template, once for each of the values that it shows, one after another.

    It may ask for nothing but these values: neither the request nor who sent it is known to it.
    """
    fragments: FragmentCache = current_app.extensions["fragment_cache"]
    root = request.script_root
    return fragments.render([FragmentKey(template, root, args) for args in shown])
