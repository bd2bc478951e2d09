"""A bounded store of pages in one process, each kept as long as what it shows stands.

A page counts as long as the version of the catalogue stands at which it was made (`catalog.page_version`), on the day
it was made, and for `MAX_AGE_SECONDS` at most, because of figures that are themselves cached. One is kept when it is
asked for the second time: what nobody asks for twice takes no memory.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date
from typing import Generic, TypeVar
from zoneinfo import ZoneInfo

from dogpile.util import NameRegistry

from storefront.catalog.service import Version, VersionReader
from storefront.core import clock, metrics
from storefront.core.cache_backends import BoundedStore

MAX_AGE_SECONDS = 60
MAX_ASKED_FOR = 10_000  # addresses of which is known that they were asked for once
MAX_KEY_LENGTH = 1000  # of path and query; a page with a longer address is not kept

Page = TypeVar("Page")


@dataclass(slots=True)
class _Kept(Generic[Page]):
    page: Page
    version: Version
    day: date
    made_at: float  # by `time.monotonic`

    def is_current(self, version: Version, day: date) -> bool:
        return self.version == version and self.day == day and time.monotonic() - self.made_at < MAX_AGE_SECONDS


class PageStore(Generic[Page]):
    """Pages by key."""

    def __init__(
        self, name: str, versions: VersionReader, zone: ZoneInfo, max_bytes: int, size_of: Callable[[Page], int]
    ) -> None:
        """Create an empty store.

        :param name: of the store, for metrics
        :param zone: of the shop, in which its day begins
        :param max_bytes: limit of all pages together; the least recently used are dropped
        """
        self._versions, self._zone = versions, zone
        self._hits = metrics.CACHE_REQUESTS.labels(name, "hit")
        self._misses = metrics.CACHE_REQUESTS.labels(name, "miss")
        self._kept: BoundedStore[_Kept[Page]] = BoundedStore(max_bytes, lambda kept: size_of(kept.page))
        self._asked_for: BoundedStore[bool] = BoundedStore(MAX_ASKED_FOR)  # hashes of keys
        self._making = NameRegistry(lambda key: threading.Lock())

    @property
    def size(self) -> int:
        """Bytes of all pages."""
        return self._kept.size

    def note(self, key: tuple[object, ...]) -> None:
        """Note that a page was asked for, so that it is kept the next time."""
        self._asked_for[hash(key)] = True

    def get_or_make(self, key: tuple[object, ...], make: Callable[[], Page | None]) -> Page | None:
        """The page of a key; made by one caller, for whom the others wait, if there is none that counts.

        :param make: makes the page; None if it is not to be kept
        :return: None for a key that was not noted, without a version, and if `make` returned None
        """
        kept: _Kept[Page] | None = self._kept.get(key)
        if kept is None and not self._asked_for.get(hash(key)):
            return None
        version = self._versions.read()
        if version is None:
            return None
        day = clock.today_in(self._zone)
        if kept is not None and kept.is_current(version, day):
            self._hits.inc()
            return kept.page
        with self._making.get(repr(key)):
            kept = self._kept.get(key)
            if kept is None or not kept.is_current(version, day):
                self._misses.inc()
                kept = self._keep(key, make, version, day)
            else:
                self._hits.inc()
        return kept.page if kept is not None else None

    def _keep(
        self, key: tuple[object, ...], make: Callable[[], Page | None], version: Version, day: date
    ) -> _Kept[Page] | None:
        began_at = time.monotonic()
        page = make()
        if page is None:
            return None
        self._kept[key] = kept = _Kept(page, version, day, began_at)
        return kept
