"""API keys of programs."""

from __future__ import annotations

import itertools
from datetime import datetime

from storefront.accounts import service as accounts
from storefront.accounts.service import ApiKey, NewApiKey, Scope
from storefront.accounts.values import Account
from tests.factories.accounts import make_staff

_numbers = itertools.count(1)


def make_api_key(
    *scopes: Scope,
    name: str = "",
    requests_per_minute: int = 600,
    expires_at: datetime | None = None,
    maker: Account | None = None,
) -> tuple[str, ApiKey]:
    """Make a key.

    :param scopes: all of them by default
    :param name: a unique one by default
    :param maker: an admin of its own by default
    :return: its secret, and the key
    """
    admin = maker or make_staff()
    new = NewApiKey(name or f"program {next(_numbers)}", frozenset(scopes or Scope), requests_per_minute, expires_at)
    return accounts.make_api_key(new, actor=admin.email or "", maker=admin.id)
