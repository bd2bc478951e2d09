"""Fixtures of the proofs: for each engine a live shop under load, and a pair of applications for interleavings."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from storefront.accounts import mail_limits
from storefront.accounts.values import MailKind
from tests.conftest import ENGINES
from tests.proofs.interleaving import RivalShops, rival_shops
from tests.proofs.live_shop import LoadShop, open_load_shop


@pytest.fixture(scope="session", params=ENGINES)
def open_shop(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[LoadShop]:
    with open_load_shop(request.param, tmp_path_factory.mktemp("load")) as opened:
        yield opened


@pytest.fixture
def load_shop(open_shop: LoadShop, real_time: None) -> Iterator[LoadShop]:
    with open_shop.app.app_context():
        yield open_shop


@pytest.fixture(scope="session", params=ENGINES)
def opened_pair(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[RivalShops]:
    with rival_shops(request.param, tmp_path_factory.mktemp("rivals")) as opened:
        yield opened


@pytest.fixture
def shops(opened_pair: RivalShops, monkeypatch: pytest.MonkeyPatch) -> Iterator[RivalShops]:
    """Our application and a rival's on the same databases; the test itself runs in a request of ours."""
    opened_pair.post.letters.clear()
    # The buyers of all tests share a mailbox.
    monkeypatch.setattr(mail_limits, "LIMITS", dict.fromkeys(MailKind, ()))
    ours = opened_pair.ours
    with ours.test_request_context(base_url=ours.config["PUBLIC_ORIGIN"]):
        yield opened_pair
