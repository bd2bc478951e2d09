"""The sandbox provider: a simulated card provider. It takes no money, and production refuses it.

It behaves like another company: it stores charges itself, has a page of its own, and may not respond.
"""

from __future__ import annotations

import secrets
from dataclasses import replace

from flask import url_for
from sqlalchemy import select
from sqlalchemy.orm import Session

from storefront.core.money import Money
from storefront.db.session import read_session, retry_on_conflict, retry_on_deadlock, transaction
from storefront.payments.models import SandboxCharge, SandboxRefund
from storefront.payments.providers import Charge, ProviderResponse
from storefront.payments.values import PaymentOption, PaymentStatus, ProviderTimeout, UnknownPayment

SILENCES = 2  # how often the card that times out does not respond

_TAKEN = frozenset({PaymentStatus.CAPTURED, PaymentStatus.REFUNDED})
_CARDS = {
    "sandbox-success": ("Test card that succeeds", "The payment goes through at once.", "4242"),
    "sandbox-confirm": ("Test card that asks for confirmation", "You confirm on the bank's page.", "3155"),
    "sandbox-decline": ("Test card that is declined", "The bank declines the payment; your cart is kept.", "0002"),
    "sandbox-timeout": (
        "Test card that answers late",
        "The bank responds late; nothing is charged twice.",
        "0119",
    ),
}


class SandboxProvider:
    """A `PaymentProvider` whose test cards succeed, ask for confirmation, are declined or respond late."""

    name = "sandbox"

    def options(self) -> tuple[PaymentOption, ...]:
        return tuple(
            PaymentOption(code, label, hint, "card", f"**** **** **** {digits}")
            for code, (label, hint, digits) in _CARDS.items()
        )

    def is_available(self) -> bool:
        return True

    def authorise(self, charge: Charge) -> ProviderResponse:
        return _response_to(_authorise(charge))

    def capture(self, key: str) -> ProviderResponse:
        return self._move(key, PaymentStatus.AUTHORISED, PaymentStatus.CAPTURED)

    def void(self, key: str) -> ProviderResponse:
        return _response_to(_void(key))

    @retry_on_deadlock
    def refund(self, key: str, amount: Money, refund_key: str) -> ProviderResponse:
        with transaction("payments") as session:
            charge = session.scalar(select(SandboxCharge).where(SandboxCharge.key == key).with_for_update())
            is_done = charge is not None and _refund(session, charge, amount, refund_key)
        if charge is None:
            raise UnknownPayment(key)
        return replace(_response_to(charge), status=PaymentStatus.REFUNDED) if is_done else _response_to(charge)

    def _move(self, key: str, before: PaymentStatus, after: PaymentStatus) -> ProviderResponse:
        """Change a charge's state if it is `before`; a repeat returns the same response."""
        with transaction("payments") as session:
            charge = session.scalar(select(SandboxCharge).where(SandboxCharge.key == key).with_for_update())
            if charge is not None and charge.state == before:
                charge.state = after
        if charge is None:
            raise UnknownPayment(key)
        return _response_to(charge)


def _refund(session: Session, charge: SandboxCharge, amount: Money, refund_key: str) -> bool:
    """Refund once for each key, and never more than was captured.

    :return: False when it is refused
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


@retry_on_conflict
@retry_on_deadlock
def _void(key: str) -> SandboxCharge:
    """Void a charge; for an unknown key a voided one is stored, so that it cannot be authorised later."""
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


@retry_on_conflict
@retry_on_deadlock
def _authorise(charge: Charge) -> SandboxCharge:
    """Create the charge, or find the one with this key.

    :raise ProviderTimeout: it simulates a missing response
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


def _response_to(charge: SandboxCharge) -> ProviderResponse:
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
    """Find a charge by its reference.

    :return: its amount, and where the customer goes afterwards
    :raise UnknownPayment: no charge has this reference
    """
    charge = read_session().scalar(select(SandboxCharge).where(SandboxCharge.reference == reference))
    if charge is None:
        raise UnknownPayment(reference)
    return Money(charge.amount, charge.currency), charge.return_url


def decide(reference: str, *, approve: bool) -> None:
    """Store what the customer pressed on the sandbox's page; the first decision is final."""
    with transaction("payments") as session:
        charge = session.scalar(select(SandboxCharge).where(SandboxCharge.reference == reference).with_for_update())
        if charge is not None and charge.state == PaymentStatus.ACTION_NEEDED:
            charge.state = PaymentStatus.AUTHORISED if approve else PaymentStatus.DECLINED
