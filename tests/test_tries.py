"""Counting tries while the place where they are counted together is away."""

from __future__ import annotations

from pathlib import Path

from tests.accounts.people import PASSWORD
from tests.accounts.test_guessing import new_account, sign_in
from tests.own import own_shop, shop_at


def test_while_redis_is_away_people_sign_in_and_guessing_stays_bounded(tmp_path: Path) -> None:
    settings = {"RATELIMIT_ENABLED": "1", "REDIS_URL": "redis://127.0.0.1:1"}
    url = f"sqlite:///{tmp_path}/{{schema}}.db"
    with own_shop("sqlite", tmp_path), shop_at(url, tmp_path, **settings) as app:
        email = new_account(app, "nine@example.com")
        assert sign_in(app, PASSWORD, email=email) == 303
        assert [sign_in(app, "wrong", email=email) for _ in range(6)] == [422] * 5 + [429]
