"""Fuzz tests: random valid and invalid requests generated from /api/openapi.json.

They are generated from a fixed seed, so that failures are reproducible. `-m long` sends ten thousand.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

import hypothesis
import pytest
import schemathesis
from flask import Flask
from hypothesis import HealthCheck, Phase, given, settings
from schemathesis import Case, GenerationMode
from schemathesis.checks import not_a_server_error
from schemathesis.config import SchemathesisConfig
from schemathesis.core.failures import FailureGroup
from schemathesis.schemas import APIOperation
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
    status_code_conformance,
)
from sqlalchemy import select

from storefront.accounts import service as accounts
from storefront.accounts.values import Account, Role
from storefront.api.operations import OPERATIONS
from storefront.catalog.models import Product, Variant
from storefront.cli import consistency
from storefront.db.session import read_session
from tests.factories.accounts import make_account, make_staff
from tests.isolated_shop import own_shop

# The transport reads pictures without closing them.
pytestmark = pytest.mark.filterwarnings("ignore::ResourceWarning", "ignore::pytest.PytestUnraisableExceptionWarning")

SEED = 9090
SLOWEST = 4.0  # seconds
CHECKS = [
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
]
# What a machine cannot tell by schema: without a security scheme of its own choosing, see test_same_origin.py.
CONFIG = SchemathesisConfig.from_dict({"generation": {"with-security-parameters": False}})
MODES = (GenerationMode.POSITIVE, GenerationMode.NEGATIVE)


@dataclass
class Sender:
    """A caller that sends generated requests.

    :ivar account: its account, None for an anonymous caller
    :ivar statuses: number of answers by status
    """

    app: Flask
    account: Account | None
    statuses: Counter[int] = field(default_factory=Counter)

    def headers(self) -> dict[str, str]:
        """Sign in again for every operation, as one of them signs out."""
        if self.account is None:
            return {}
        with self.app.app_context():
            reference = accounts.open_session(self.account.id, second_factor=self.account.role.is_staff)
            found = accounts.find_session(reference)
            assert found is not None
            return {"Authorization": f"Bearer {accounts.issue_token(found[0])}"}

    def try_out(self, operation: APIOperation[Any], known: dict[str, Any], examples: int) -> None:
        """Generate valid requests, which use existing ids, and as many invalid ones."""
        headers = self.headers()
        for mode in MODES:
            if mode is GenerationMode.NEGATIVE and not _can_be_wrong(operation):
                continue
            fixed = {name: value for name, value in known.items() if _is_in_path(operation, name)}
            with_known = fixed if mode is GenerationMode.POSITIVE and fixed else None
            cases = operation.as_strategy(mode, path_parameters=with_known)
            _each(cases, lambda case: self.send(case, headers), examples)

    def send(self, case: Case, headers: dict[str, str]) -> None:
        began = time.monotonic()
        # By WSGI its client says that it accepts gzip, and cannot read it.
        answer = case.call(headers={"Accept-Encoding": "identity", **headers})
        assert time.monotonic() - began < SLOWEST
        self.statuses[answer.status_code] += 1
        case.validate_response(answer, checks=CHECKS)
        assert b"Traceback" not in answer.content
        if answer.status_code >= 400:
            assert case.path == "/oauth/token" or answer.json()["status"] == "error"  # there, errors are of RFC 6749


def _each(cases: Any, act: Callable[[Case], None], examples: int) -> None:
    @settings(
        max_examples=examples,
        phases=[Phase.generate],
        database=None,
        deadline=None,
        suppress_health_check=list(HealthCheck),
    )
    @hypothesis.seed(SEED)
    @given(cases)
    def run(case: Case) -> None:
        act(case)

    run()


def _is_in_path(operation: APIOperation[Any], name: str) -> bool:
    return f"{{{name}}}" in operation.path


def _can_be_wrong(operation: APIOperation[Any]) -> bool:
    return bool(operation.body or operation.query or operation.path_parameters)


@pytest.fixture(scope="module")
def fuzzed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Flask]:
    """A shop with databases of its own."""
    with own_shop("sqlite", tmp_path_factory.mktemp("fuzzed")) as app:
        yield app


@pytest.fixture
def senders(fuzzed: Flask) -> list[Sender]:
    with fuzzed.app_context():
        customer, keeper = make_account(phone=None), make_staff(Role.ADMIN)
    return [Sender(fuzzed, account) for account in (None, customer, keeper)]


def operations(app: Flask) -> list[APIOperation[Any]]:
    schema = schemathesis.openapi.from_wsgi("/api/openapi.json", app, config=CONFIG)
    found = [result.ok() for result in schema.get_all_operations()]
    assert len(found) > len(OPERATIONS)  # and /health
    return found


def fuzz(app: Flask, senders: list[Sender], examples: int) -> Counter[int]:
    """Send requests to every operation.

    :param examples: number of requests of each mode, sender and operation
    :return: number of answers by status
    """
    customer = senders[1].account
    assert customer is not None
    known = {"userId": customer.id, "productId": 1, "addressId": 1, "methodId": 1, "itemId": 1}
    faults: list[str] = []
    for operation in operations(app):
        for sender in senders:
            try:
                sender.try_out(operation, known, examples)
            except (FailureGroup, AssertionError) as fault:
                faults.append(f"{operation.label}: {fault}")
    assert not faults, "\n\n".join(faults)
    return sum((sender.statuses for sender in senders), Counter())


def figures(app: Flask) -> tuple[list[tuple[Any, ...]], list[str]]:
    """Products and prices, which no customer may change, and the consistency violations."""
    with app.app_context():
        chosen = select(Variant.sku, Variant.title, Variant.price, Product.name, Product.active)
        rows = read_session().execute(chosen.join(Product, Product.id == Variant.product_id).order_by(Variant.id)).all()
        return [tuple(row) for row in rows], list(consistency.violations())


def test_no_request_gets_a_server_error_or_an_undocumented_answer(fuzzed: Flask, senders: list[Sender]) -> None:
    statuses = fuzz(fuzzed, senders, examples=1)
    assert {200, 400, 401, 403, 404} <= set(statuses)
    assert statuses.total() > 300
    assert figures(fuzzed)[1] == []


@pytest.mark.long
def test_ten_thousand_requests_find_no_fault(fuzzed: Flask, senders: list[Sender]) -> None:
    """First anonymous callers and customers, who must not change products or prices; then staff, too."""
    before = figures(fuzzed)
    strangers = fuzz(fuzzed, senders[:2], examples=28)
    assert figures(fuzzed) == (before[0], [])
    everyone = fuzz(fuzzed, senders, examples=14)
    assert figures(fuzzed)[1] == []
    assert strangers.total() + everyone.total() > 10_000
