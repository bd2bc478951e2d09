"""Statements that are built once: building one with the ORM takes longer than running it."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from functools import cache, wraps
from typing import Any, TypeVar

from sqlalchemy import bindparam

S = TypeVar("S")


def prepared(build: Callable[..., S]) -> Callable[..., tuple[S, dict[str, Any]]]:
    """Decorate a function that builds a statement, so that it runs once.

    Its positional parameters stand for values: it gets a placeholder for each. Its keyword-only parameters are facts
    that change the statement itself, which is built once for each combination:

        @prepared
        def _lines(cart_id: Any, *, newest_first: bool) -> Select[Line]: ...

        session.scalars(*_lines(7, newest_first=True))

    :return: a function with the same parameters, which returns the statement and the values for its placeholders
    """
    parameters = inspect.signature(build).parameters.values()
    names = [f"value_of_{each.name}" for each in parameters if each.kind is each.POSITIONAL_OR_KEYWORD]

    @cache
    def statement(**facts: Any) -> S:
        return build(*map(bindparam, names), **facts)

    @wraps(build)
    def prepare(*values: Any, **facts: Any) -> tuple[S, dict[str, Any]]:
        return statement(**facts), dict(zip(names, values, strict=True))

    return prepare
