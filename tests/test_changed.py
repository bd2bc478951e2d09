"""`bin/test --changed` runs what a change touches."""

from __future__ import annotations

import pytest

from tests.changed import EVERYTHING, HOUSE_RULES, touched_by
from tests.run import resolved


@pytest.mark.parametrize(
    ("changed", "touched"),
    [
        ("tests/core/test_money.py", "tests/core/test_money.py"),
        ("storefront/core/money.py", "tests/core/test_money.py"),
        ("storefront/cart/service.py", "tests/cart"),
        ("storefront/payments/stripe.py", "tests/payments/test_stripe.py"),
        ("storefront/cli/consistency.py", "tests/legacy_import/test_command.py"),  # which imports it
        ("tests/factories/stock.py", "tests/catalog/inventory/admin/test_ledger.py"),
        ("tests/isolated_shop.py", "tests/proofs/test_race.py"),  # by way of live_server.py and proofs/live_shop.py
        ("tests/legacy_import/conftest.py", "tests/legacy_import"),
        ("templates/cart/show.html", "tests/pages/cart"),
        ("static/css/tokens.css", HOUSE_RULES),
        ("deploy/kubernetes/base/web.yaml", "tests/deploy"),
        ("Dockerfile", "tests/deploy"),
    ],
)
def test_a_change_touches_what_lies_beside_it_and_what_imports_it(changed: str, touched: str) -> None:
    assert touched in touched_by([changed])


def test_most_changes_touch_few_tests() -> None:
    assert touched_by(["tests/core/test_money.py"]) == ["tests/core/test_money.py"]
    assert "tests/cart" not in touched_by(["storefront/payments/stripe.py"])
    assert touched_by(["README.md"]) == []


@pytest.mark.parametrize("path", ["config.py", "pyproject.toml", "tests/conftest.py", "migrations/cart/0001_tables.py"])
def test_what_everything_stands_on_touches_everything(path: str) -> None:
    assert touched_by(["tests/core/test_money.py", path]) == list(EVERYTHING)


def test_other_arguments_go_on_to_pytest() -> None:
    assert resolved(["-x", "tests/cart"]) == ["-x", "tests/cart"]
