"""Bearer tokens: their session, expiry, and rejection of forged ones."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable

import jwt
import pytest
from flask import Flask

from storefront.accounts import service as accounts
from storefront.accounts import tokens
from storefront.accounts.values import SignedIn
from tests.factories.accounts import make_account
from tests.fakes import Clock


@pytest.fixture
def person(app: Flask) -> SignedIn:
    signed_in, _ = accounts.find_session(accounts.open_session(make_account().id)) or (None, False)
    assert signed_in is not None
    return signed_in


def encoded(part: dict[str, object]) -> str:
    return base64.urlsafe_b64encode(json.dumps(part).encode()).rstrip(b"=").decode()


def test_a_token_is_valid_for_an_hour(person: SignedIn, now: Clock) -> None:
    token = accounts.issue_token(person)
    now.advance(minutes=59)
    assert accounts.reference_of(token) == person.reference
    now.advance(minutes=1)
    assert accounts.reference_of(token) is None


def test_a_token_ends_with_its_session(person: SignedIn) -> None:
    accounts.end_session(person.reference)
    reference = accounts.reference_of(accounts.issue_token(person))
    assert reference is not None
    assert accounts.find_session(reference) is None


Forgery = Callable[[str, bytes, str], str]


def _change(claim: str, value: object) -> Forgery:
    def forge(token: str, key: bytes, kid: str) -> str:
        claims = jwt.decode(token, options={"verify_signature": False}) | {claim: value}
        return jwt.encode(claims, key, "HS256", headers={"kid": kid, "typ": tokens.TYPE})

    return forge


FORGERIES: dict[str, Forgery] = {
    "no algorithm": lambda token, key, kid: ".".join(
        [encoded({"alg": "none", "typ": tokens.TYPE, "kid": kid}), token.split(".")[1], ""]
    ),
    "another key": lambda token, key, kid: jwt.encode(
        jwt.decode(token, options={"verify_signature": False}), b"x" * 32, "HS256", {"kid": kid, "typ": tokens.TYPE}
    ),
    "another type": lambda token, key, kid: jwt.encode(
        jwt.decode(token, options={"verify_signature": False}), key, "HS256", {"kid": kid, "typ": "JWT"}
    ),
    "an unknown key": lambda token, key, kid: jwt.encode(
        jwt.decode(token, options={"verify_signature": False}), key, "HS256", {"kid": "x", "typ": tokens.TYPE}
    ),
    "another audience": _change("aud", "elsewhere"),
    "another issuer": _change("iss", "https://evil.example"),
    "cut off": lambda token, key, kid: token[:-1],
    "no token": lambda token, key, kid: "a.b.c",
    "nothing": lambda token, key, kid: "",
}


@pytest.mark.parametrize("forgery", FORGERIES)
def test_a_forged_token_is_rejected(person: SignedIn, forgery: str) -> None:
    kid, key = next(tokens._keys())
    assert accounts.reference_of(FORGERIES[forgery](accounts.issue_token(person), key, kid)) is None


def test_a_replaced_key_is_accepted_while_it_is_a_fallback(
    app: Flask, person: SignedIn, monkeypatch: pytest.MonkeyPatch
) -> None:
    old = app.config["SECRET_KEY"]
    token = accounts.issue_token(person)
    monkeypatch.setitem(app.config, "SECRET_KEY", "the next one")
    assert accounts.reference_of(token) is None
    monkeypatch.setitem(app.config, "SECRET_KEY_FALLBACKS", [old])
    assert accounts.reference_of(token) == person.reference
    renewed = accounts.issue_token(person)
    monkeypatch.setitem(app.config, "SECRET_KEY_FALLBACKS", [])
    assert accounts.reference_of(renewed) == person.reference
