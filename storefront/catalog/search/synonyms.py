"""Synonyms that staff keep: sets of words and phrases that find the same products."""

from __future__ import annotations

import hashlib
import re
from collections import defaultdict
from collections.abc import Sequence

from sqlalchemy import delete, func, select
from sqlalchemy.exc import IntegrityError

from storefront.catalog.models import AuditEntry
from storefront.catalog.page_version import current_version
from storefront.catalog.search.models import SearchSynonyms
from storefront.catalog.search.query import Synonyms, Terms, parse_query, query_terms
from storefront.catalog.values.search import (
    MAX_PHRASES,
    MAX_SYNONYM_SETS,
    MAX_SYNONYMS_LENGTH,
    SynonymProblem,
    SynonymSet,
    SynonymsRefused,
    Words,
)
from storefront.core.cache import RefreshingCache
from storefront.db import audit_log
from storefront.db.session import read_session, transaction

FRESH_SECONDS, MAX_AGE_SECONDS = 30, 120
_SEPARATOR = re.compile(r"[,;\n，、；،]")  # noqa: RUF001 - commas of other scripts

_cached: RefreshingCache[Synonyms] = RefreshingCache(
    "search synonyms", fresh_seconds=FRESH_SECONDS, max_age_seconds=MAX_AGE_SECONDS, max_entries=1
)


def read_query(text: str) -> list[Words]:
    """Turn a search into alternatives of which a product must match one; see `query.parse_query`.

    Synonyms come from the cache of the process, which a change of the catalogue empties.
    """
    return parse_query(text, _cached.get_or_compute(current_version(), _read)) if text.strip() else []


def list_synonyms() -> tuple[SynonymSet, ...]:
    """List all sets, by their first phrase."""
    rows = read_session().execute(select(SearchSynonyms.id, SearchSynonyms.phrases))
    return tuple(sorted((SynonymSet(id, phrases) for id, phrases in rows), key=lambda each: each.phrases.casefold()))


def add_synonyms(typed: str, *, actor: str) -> None:
    """Store a set; one with the same phrases is not stored again.

    :param typed: phrases, separated by commas or lines
    :raise SynonymsRefused: fewer than two phrases, too many of them, or one without a word
    """
    phrases = [" ".join(phrase.split()) for phrase in _SEPARATOR.split(typed) if phrase.strip()]
    terms = [_terms(phrase) for phrase in phrases]
    joined = ", ".join(phrases)
    if not all(terms):
        raise SynonymsRefused(SynonymProblem.NO_WORD)
    if len(_distinct(terms)) < 2:
        raise SynonymsRefused(SynonymProblem.TOO_FEW)
    if len(phrases) > MAX_PHRASES or len(joined) > MAX_SYNONYMS_LENGTH:
        raise SynonymsRefused(SynonymProblem.TOO_LONG)
    try:
        _add(joined, _digest(terms), actor)
    except IntegrityError:
        if read_session().scalar(select(SearchSynonyms.id).where(SearchSynonyms.digest == _digest(terms))) is None:
            raise
    _cached.refresh((), _read)


def _add(joined: str, digest: str, actor: str) -> None:
    with transaction("catalog") as session:
        if (session.scalar(select(func.count()).select_from(SearchSynonyms)) or 0) >= MAX_SYNONYM_SETS:
            raise SynonymsRefused(SynonymProblem.TOO_MANY)
        session.add(SearchSynonyms(phrases=joined, digest=digest))
        session.flush()
        audit_log.record(session, AuditEntry, actor=actor, what="synonyms added", subject="search", detail=joined)


def remove_synonyms(set_id: int, *, actor: str) -> str:
    """Delete a set; one that is gone already is no error.

    :return: its phrases; empty when it was gone
    """
    with transaction("catalog") as session:
        chosen = SearchSynonyms.id == set_id
        phrases = session.scalar(select(SearchSynonyms.phrases).where(chosen).with_for_update())
        if phrases is not None:
            session.execute(delete(SearchSynonyms).where(chosen))
            detail = {"subject": "search", "detail": phrases}
            audit_log.record(session, AuditEntry, actor=actor, what="synonyms removed", **detail)
    _cached.refresh((), _read)
    return phrases or ""


def _terms(phrase: str) -> Terms:
    return tuple(query_terms(phrase))


def _distinct(terms: Sequence[Terms]) -> set[str]:
    return {" ".join(word for term in phrase for word in term.words) for phrase in terms}


def _digest(terms: Sequence[Terms]) -> str:
    return hashlib.sha256("\n".join(sorted(_distinct(terms))).encode()).hexdigest()


def _read() -> Synonyms:
    synonyms: dict[tuple[str, ...], list[tuple[Terms, ...]]] = defaultdict(list)
    for phrases in read_session().scalars(select(SearchSynonyms.phrases).order_by(SearchSynonyms.id)):
        terms = tuple(dict.fromkeys(filter(None, (_terms(phrase) for phrase in phrases.split(", ")))))
        for first in dict.fromkeys(phrase[0].words for phrase in terms):
            synonyms[first].append(terms)
    return dict(synonyms)
