"""A cache of HTML fragments that are the same for everyone, keyed by all the values they show.

Changed values are another key, so no fragment is ever stale. Fragments are rendered in an anonymous request, so that
no visitor's data gets into the cache; the CSRF token of their forms is inserted afterwards.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable, Hashable, Iterable, Mapping
from pathlib import PurePath
from typing import Any, NamedTuple, Protocol

from dogpile.cache import make_region
from dogpile.cache.api import NO_VALUE, CachedValue
from flask import Flask, current_app, g, request
from markupsafe import Markup

from storefront.core import metrics
from storefront.core.cache_backends import BoundedStore
from storefront.web.anonymous_request import run_anonymously
from storefront.web.form_tokens import form_token

MAX_CHARACTERS = 4_000_000  # per process; up to two bytes each; a product card has 2,400


class FragmentArgs(Hashable, Protocol):
    """All values a fragment shows, named like the parameters of its macro: a `NamedTuple` of immutable values."""

    def _asdict(self) -> Mapping[str, object]: ...


class FragmentKey(NamedTuple):
    """The cache key of a fragment.

    :ivar template: path of a template with a macro of the same name
    :ivar root: the path at which the shop is mounted
    :ivar args: the arguments of the macro
    """

    template: str
    root: str
    args: FragmentArgs


class FragmentCache:
    """The fragments cached in this process.

    :ivar store: fragments as rendered, with a secret placeholder for the CSRF token
    """

    def __init__(self, app: Flask, max_characters: int = MAX_CHARACTERS) -> None:
        self._app = app
        self._token_mark = secrets.token_urlsafe(32)  # secret, so that no content can contain it
        self.store: BoundedStore[CachedValue] = BoundedStore(max_characters, lambda value: len(value.payload))
        self._hits = metrics.CACHE_REQUESTS.labels("fragments", "hit")
        self._misses = metrics.CACHE_REQUESTS.labels("fragments", "miss")
        self._region = make_region().configure("dogpile.cache.memory", arguments={"cache_dict": self.store})

    def render(self, keys: list[FragmentKey]) -> list[Markup]:
        """Render fragments, or take them from the cache, with the CSRF token of the present visitor."""
        fragments: list[Any] = list(self._region.get_multi(keys))
        missing = [key for key, html in zip(keys, fragments, strict=True) if html is NO_VALUE]
        self._hits.inc(len(keys) - len(missing))
        if missing:
            self._misses.inc(len(missing))
            rendered = run_anonymously(self._app, lambda: self._render(missing), {"SCRIPT_NAME": missing[0].root})
            fragments = [rendered[key] if html is NO_VALUE else html for key, html in zip(keys, fragments, strict=True)]
        if any(self._token_mark in html for html in fragments):
            token = form_token()
            fragments = [html.replace(self._token_mark, token) for html in fragments]
        return [Markup(html) for html in fragments]  # noqa: S704 - every fragment was rendered by a template

    def _render(self, keys: list[FragmentKey]) -> dict[FragmentKey, str]:
        g.csrf_token = self._token_mark  # returned by `csrf_token()` in this request
        rendered = {key: str(self._macro_of(key.template)(**key.args._asdict())) for key in keys}
        if not self._app.jinja_env.auto_reload:  # in development templates may change
            self._region.set_multi(rendered)  # type: ignore[arg-type]  # the memory backend takes any hashable key
        return rendered

    def _macro_of(self, template: str) -> Callable[..., str]:
        name = PurePath(template).stem.lstrip("_")
        macro: Callable[..., str] = getattr(self._app.jinja_env.get_template(template).module, name)
        return macro


def init_app(app: Flask) -> None:
    """Create the fragment cache of an application."""
    app.extensions["fragment_cache"] = FragmentCache(app)


def render_cached(template: str, shown: Iterable[FragmentArgs]) -> list[Markup]:
    """Render the macro of a template once for each set of arguments, using the cache.

    The macro must use nothing but its arguments: it is rendered without the visitor's request.
    """
    fragments: FragmentCache = current_app.extensions["fragment_cache"]
    root = request.script_root
    return fragments.render([FragmentKey(template, root, args) for args in shown])
