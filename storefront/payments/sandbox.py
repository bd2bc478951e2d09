"""The sandbox provider: a card firm for trying the shop out. It takes no money and production refuses it.

It plays another firm: it remembers charges by itself, has a page of its own, and may not answer.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable
from dataclasses import replace

from flask import url_for
from sqlalchemy import select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from storefront.core.money import Money
from storefront.db.session import read_session, retry_on_deadlock, transaction
from storefront.payments.models import SandboxCharge, SandboxRefund
from storefront.payments.providers import Charge, ProviderResponse
from storefront.payments.values import PaymentOption, PaymentStatus, ProviderTimeout, UnknownPayment

SILENCES = 2  # how often the card that times out leaves us without an answer

_TAKEN = frozenset({PaymentStatus.CAPTURED, PaymentStatus.REFUNDED})
_CARDS = {
    "sandbox-success": ("Test card that succeeds", "The payment goes through at once.", "4242"),
    "sandbox-confirm": ("Test card that asks for confirmation", "You confirm on the bank's page.", "3155"),
    "sandbox-decline": ("Test card that is declined", "The bank says no; your cart is kept.", "0002"),
    "sandbox-timeout": (
        "Test card that answers late",
        "The bank takes its time; nothing is charged twice.",
        "0119",
    ),
}


class SandboxProvider:
    name = "sandbox"

    def options(self) -> tuple[PaymentOption, ...]:
        return tuple(
            PaymentOption(code, label, hint, "card", f"**** **** **** {digits}")
            for code, (label, hint, digits) in _CARDS.items()
        )

    def authorise(self, charge: Charge) -> ProviderResponse:
        return _answer(_heard(lambda: _ask(charge)))

    def capture(self, key: str) -> ProviderResponse:
        return self._move(key, PaymentStatus.AUTHORISED, PaymentStatus.CAPTURED)

    def void(self, key: str) -> ProviderResponse:
        return _answer(_heard(lambda: _let_go(key)))

    @retry_on_deadlock
    def refund(self, key: str, amount: Money, refund_key: str) -> ProviderResponse:
        with transaction("payments") as session:
            charge = session.scalar(select(SandboxCharge).where(SandboxCharge.key == key).with_for_update())
            is_done = charge is not None and _give_back(session, charge, amount, refund_key)
        if charge is None:
            raise UnknownPayment(key)
        return replace(_answer(charge), status=PaymentStatus.REFUNDED) if is_done else _answer(charge)

    def _move(self, key: str, before: PaymentStatus, after: PaymentStatus) -> ProviderResponse:
        """Change a charge's state once; asked again it says the same."""
        with transaction("payments") as session:
            charge = session.scalar(select(SandboxCharge).where(SandboxCharge.key == key).with_for_update())
            if charge is not None and charge.state == before:
                charge.state = after
        if charge is None:
            raise UnknownPayment(key)
        return _answer(charge)


def _give_back(session: Session, charge: SandboxCharge, amount: Money, refund_key: str) -> bool:
    """Once for each key, and never more than was taken.

    :return: whether it is done
    """
    if session.scalar(select(SandboxRefund.id).where(SandboxRefund.key == refund_key)) is not None:
        return True
    if charge.state != PaymentStatus.CAPTURED or charge.refunded + amount.minor > charge.amount:
        return False
    session.add(SandboxRefund(key=refund_key, charge_id=charge.id, amount=amount.minor))
    charge.refunded += amount.minor
    if charge.refunded == charge.amount:
        charge.state = PaymentStatus.REFUNDED
    return True


def _reference() -> str:
    return f"sbx_{secrets.token_hex(8)}"


def _heard(question: Callable[[], SandboxCharge]) -> SandboxCharge:
    """Of two questions under a new key at one moment one opens the charge; the other asks again and finds it."""
    try:
        return question()
    except IntegrityError:
        return question()


@retry_on_deadlock
def _let_go(key: str) -> SandboxCharge:
    with transaction("payments") as session:
        charge = session.scalar(select(SandboxCharge).where(SandboxCharge.key == key).with_for_update())
        if charge is None:
            charge = SandboxCharge(
                reference=_reference(), key=key, amount=0, currency="", card="", return_url="", asked=0, state=""
            )
            session.add(charge)
        if charge.state not in _TAKEN:
            charge.state = PaymentStatus.VOIDED
    return charge


@retry_on_deadlock
def _ask(charge: Charge) -> SandboxCharge:
    """Open the charge, or find the one already open under this key.

    :raise ProviderSilent: it does not answer
    """
    with transaction("payments") as session:
        row = session.scalar(select(SandboxCharge).where(SandboxCharge.key == charge.key).with_for_update())
        if row is None:
            row = SandboxCharge(
                reference=_reference(),
                key=charge.key,
                amount=charge.amount.minor,
                currency=charge.amount.currency,
                card=charge.method,
                return_url=charge.return_url,
                state=_first_state(charge.method),
                asked=0,
            )
            session.add(row)
        row.asked += 1
        is_silent = row.card == "sandbox-timeout" and row.asked <= SILENCES
    if is_silent:
        raise ProviderTimeout(charge.key)
    return row


def _first_state(card: str) -> PaymentStatus:
    if card == "sandbox-decline":
        return PaymentStatus.DECLINED
    return PaymentStatus.ACTION_NEEDED if card == "sandbox-confirm" else PaymentStatus.AUTHORISED


def _answer(charge: SandboxCharge) -> ProviderResponse:
    status = PaymentStatus(charge.state)
    return ProviderResponse(
        status,
        charge.reference,
        action_url=url_for("payments.sandbox", reference=charge.reference)
        if status is PaymentStatus.ACTION_NEEDED
        else "",
        reason="The bank declined the card" if status is PaymentStatus.DECLINED else "",
    )


def find_waiting(reference: str) -> tuple[Money, str]:
    """A charge the customer must confirm: its amount and where to go afterwards.

    :raise UnknownPayment: there is none of this reference
    """
    charge = read_session().scalar(select(SandboxCharge).where(SandboxCharge.reference == reference))
    if charge is None:
        raise UnknownPayment(reference)
    return Money(charge.amount, charge.currency), charge.return_url


def decide(reference: str, *, approve: bool) -> None:
    """What the customer pressed on the sandbox's page. A decision once made stands."""
    with transaction("payments") as session:
        charge = session.scalar(select(SandboxCharge).where(SandboxCharge.reference == reference).with_for_update())
        if charge is not None and charge.state == PaymentStatus.ACTION_NEEDED:
            charge.state = PaymentStatus.AUTHORISED if approve else PaymentStatus.DECLINED
