"""Values computed once per request."""

from __future__ import annotations

import pytest
from flask import Flask

from storefront.web.request_memo import once_per_request


def test_it_is_computed_once_a_request(shop: Flask) -> None:
    count = iter(range(10))
    ask = once_per_request(lambda: next(count))
    other = once_per_request(lambda: "another")
    with shop.test_request_context():
        assert [ask(), ask(), other(), ask()] == [0, 0, "another", 0]
    with shop.test_request_context():
        assert ask() == 1


def test_an_error_is_not_remembered(shop: Flask) -> None:
    outcomes = iter([LookupError(), 5])

    @once_per_request
    def ask() -> int:
        outcome = next(outcomes)
        if isinstance(outcome, Exception):
            raise outcome
        return outcome

    with shop.test_request_context():
        with pytest.raises(LookupError):
            ask()
        assert ask() == 5
