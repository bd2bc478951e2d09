"""API keys: made, found, ended, and what is told of each."""

from __future__ import annotations

from datetime import timedelta

import pytest
import sqlalchemy as sa
from flask import Flask

from storefront.accounts import api_keys
from storefront.accounts import service as accounts
from storefront.accounts.api_keys import (
    ApiKeyNameTaken,
    ApiKeyRecord,
    ExpiryPassed,
    InvalidApiKey,
    KeyProblem,
    NewApiKey,
    Scope,
    UnknownApiKey,
)
from storefront.accounts.models import ApiKeyRow
from storefront.accounts.values import Role
from storefront.core.card_numbers import contains_card_number
from storefront.db.audit_log import MAX_ACTOR_LENGTH, AuditQuery
from storefront.db.session import read_session
from tests.factories.accounts import PASSWORD, make_staff
from tests.factories.api_keys import make_api_key
from tests.fakes import Clock


def entries(actor: str) -> list[tuple[str, str, str]]:
    """What somebody did, latest first: action, subject and detail."""
    return [(one.what, one.subject, one.detail) for one in accounts.audit_entries(AuditQuery(actor=actor), 50)]


def problem_of(secret: str) -> KeyProblem:
    with pytest.raises(InvalidApiKey) as refused:
        accounts.find_api_key(secret)
    return refused.value.problem


def only_record() -> ApiKeyRecord:
    (record,) = accounts.list_api_keys()
    return record


def test_a_key_is_found_by_its_secret(app: Flask) -> None:
    secret, key = make_api_key(Scope.READ_STOCK, name="warehouse", requests_per_minute=5)
    found, _ = accounts.find_api_key(secret)
    assert found == key
    assert (found.name, found.scopes, found.requests_per_minute) == ("warehouse", {Scope.READ_STOCK}, 5)


def test_a_key_is_recognisable_and_holds_no_digits(app: Flask) -> None:
    """Digits in a row could be a card number, which no form may hold."""
    secret, key = make_api_key()
    assert secret.startswith(f"sk_shop_{key.id}_")
    assert not any(character.isdigit() for character in secret)
    assert not contains_card_number(secret)


def test_only_the_hash_of_a_key_is_stored(app: Flask) -> None:
    secret, _ = make_api_key()
    stored = read_session().execute(sa.select(ApiKeyRow.__table__)).one()
    assert secret not in map(str, stored)
    assert secret.rpartition("_")[2] not in " ".join(map(str, stored))


@pytest.mark.parametrize("typed", ["", "sk_shop_", "sk_shop_abc", "sk_live_x", "sk_shop_" + "é" * 64, "\0"])
def test_what_is_no_key_is_malformed(app: Flask, typed: str) -> None:
    assert problem_of(typed) is KeyProblem.MALFORMED


def test_a_mistyped_key_is_refused_without_a_query(app: Flask) -> None:
    secret, _ = make_api_key()
    statements: list[str] = []
    engine = read_session().get_bind(ApiKeyRow)
    sa.event.listen(engine, "before_cursor_execute", lambda *facts: statements.append(facts[2]))
    swapped = secret[:-10] + ("a" if secret[-10] != "a" else "b") + secret[-9:]
    assert {problem_of(secret[:-1]), problem_of(secret + "a"), problem_of(swapped)} == {KeyProblem.MALFORMED}
    assert statements == []


def test_a_key_that_was_never_made_is_unknown(app: Flask) -> None:
    make_api_key()
    assert problem_of(api_keys._new_secret()[1]) is KeyProblem.UNKNOWN


def test_the_id_of_a_key_with_another_secret_is_unknown(app: Flask) -> None:
    secret, key = make_api_key()
    body = f"sk_shop_{key.id}_" + "a" * 45
    assert problem_of(body + api_keys._checksum(body)) is KeyProblem.UNKNOWN
    assert accounts.find_api_key(secret)


def test_a_key_expires_at_its_moment(app: Flask, now: Clock) -> None:
    secret, key = make_api_key(expires_at=now.read() + timedelta(minutes=5))
    now.advance(minutes=4, seconds=59)
    assert accounts.find_api_key(secret)
    now.advance(seconds=1)
    assert problem_of(secret) is KeyProblem.EXPIRED
    assert only_record().problem is KeyProblem.EXPIRED
    with pytest.raises(InvalidApiKey):
        accounts.find_api_key_by_id(key.id)


def test_a_key_cannot_be_made_expired(app: Flask, now: Clock) -> None:
    with pytest.raises(ExpiryPassed):
        make_api_key(expires_at=now.read())
    assert accounts.list_api_keys() == []


@pytest.mark.parametrize(("scopes", "limit"), [(frozenset(), 1), ({Scope.READ_STOCK}, 0), (frozenset(Scope), 60_001)])
def test_a_key_without_scopes_or_with_an_impossible_limit_is_not_made(
    app: Flask, scopes: frozenset[Scope], limit: int
) -> None:
    admin = make_staff()
    with pytest.raises(ValueError, match="NewApiKey"):
        accounts.make_api_key(NewApiKey("x", frozenset(scopes), limit), actor="x", maker=admin.id)


def test_a_revoked_key_ends_and_stays_revoked(app: Flask, now: Clock) -> None:
    secret, key = make_api_key()
    accounts.revoke_api_key(key.id, actor="ravi@example.com")
    assert problem_of(secret) is KeyProblem.REVOKED
    with pytest.raises(InvalidApiKey):
        accounts.find_api_key_by_id(key.id)
    revoked_at = only_record().revoked_at
    now.advance(minutes=1)
    accounts.revoke_api_key(key.id, actor="meera@example.com")
    assert only_record().revoked_at == revoked_at
    assert entries("ravi@example.com") == [("API key revoked", key.actor, "")]
    assert entries("meera@example.com") == []


def test_an_unknown_key_cannot_be_revoked(app: Flask) -> None:
    with pytest.raises(UnknownApiKey):
        accounts.revoke_api_key("abcdefghijkl", actor="ravi@example.com")


def test_making_a_key_is_in_the_audit_log(app: Flask, now: Clock) -> None:
    admin = make_staff()
    secret, key = make_api_key(
        Scope.READ_STOCK, Scope.CHANGE_STOCK, name="x" * 40, expires_at=now.read() + timedelta(days=1), maker=admin
    )
    ((what, subject, detail),) = entries(admin.email or "")
    assert (what, subject) == ("API key made", f"API key {'x' * 40} ({key.id})")
    assert detail == f"stock:read stock:write; 600 requests a minute; expires {key.expires_at:%Y-%m-%d %H:%M} UTC"
    assert len(key.actor) <= MAX_ACTOR_LENGTH
    assert secret not in detail


def test_a_name_is_used_once_even_after_the_key_was_revoked(app: Flask) -> None:
    _, key = make_api_key(name="warehouse")
    accounts.revoke_api_key(key.id, actor="x")
    with pytest.raises(ApiKeyNameTaken):
        make_api_key(name="warehouse")


def test_the_time_of_last_use_is_written_once_a_minute(app: Flask, now: Clock) -> None:
    secret, key = make_api_key()
    assert accounts.find_api_key(secret)[1] is True
    accounts.touch_api_key(key.id)
    first = now.read()
    now.advance(seconds=59)
    assert accounts.find_api_key(secret)[1] is False
    accounts.touch_api_key(key.id)  # another process was slower
    assert only_record().last_used_at == first
    now.advance(seconds=1)
    assert accounts.find_api_key_by_id(key.id)[1] is True
    accounts.touch_api_key(key.id)
    assert only_record().last_used_at == now.read()


def test_a_key_outlives_the_account_and_role_of_its_maker_and_is_marked(app: Flask) -> None:
    make_staff()
    maker, leaver = make_staff(), make_staff()
    first, _ = make_api_key(maker=maker)
    second, _ = make_api_key(maker=leaver)
    assert [record.is_maker_admin for record in accounts.list_api_keys()] == [True, True]
    accounts.set_role(maker.email or "", Role.STOCK_STAFF)
    accounts.delete_account(leaver.id, password=PASSWORD)
    assert [record.is_maker_admin for record in accounts.list_api_keys()] == [False, False]
    assert {record.made_by for record in accounts.list_api_keys()} == {maker.email, leaver.email}
    assert accounts.find_api_key(first)
    assert accounts.find_api_key(second)


# ------------------------------------------------------------------------------------------------ tokens


def test_a_client_token_names_its_key_and_scopes(app: Flask, now: Clock) -> None:
    _, key = make_api_key()
    token, seconds = accounts.issue_client_token(key, {Scope.READ_STOCK})
    assert seconds == 15 * 60
    assert accounts.client_of_token(token) == (key.id, {"stock:read"})
    assert accounts.reference_of(token) is None
    assert accounts.sign_up_of(token) is None
    now.advance(minutes=15)
    assert accounts.client_of_token(token) is None


def test_a_client_token_is_not_longer_valid_than_its_key(app: Flask, now: Clock) -> None:
    _, key = make_api_key(expires_at=now.read() + timedelta(minutes=2))
    assert accounts.issue_client_token(key, key.scopes)[1] == 120
