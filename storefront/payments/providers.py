"""Who moves the money. One interface; cash needs nobody, the sandbox plays a card firm with cards that misbehave."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from storefront.money import Money
from storefront.payments.values import PaymentOption, PaymentStatus


@dataclass(frozen=True, slots=True)
class Charge:
    """What a provider is asked for.

    :ivar key: our idempotency key; asked twice under one key, a provider charges once
    :ivar return_url: where the customer comes back to after confirming
    """

    key: str
    amount: Money
    method: str
    return_url: str


@dataclass(frozen=True, slots=True)
class Answer:
    """What a provider said. :ivar action_url: where the customer must confirm, with `ACTION_NEEDED` only"""

    status: PaymentStatus
    reference: str = ""
    action_url: str = ""
    reason: str = ""


class PaymentProvider(Protocol):
    """Every method may raise `ProviderSilent`: then nobody knows, and the same call is made again later."""

    name: str

    def options(self) -> tuple[PaymentOption, ...]:
        """What this provider lets a shopper choose from."""
        ...

    def authorise(self, charge: Charge) -> Answer:
        """Hold the money: `AUTHORISED`, `DUE`, `ACTION_NEEDED` or `DECLINED`. The same key gets the same charge."""
        ...

    def capture(self, key: str) -> Answer:
        """Take what is held: `CAPTURED`, or `DUE` where it is collected later, or `DECLINED`."""
        ...

    def void(self, key: str) -> Answer:
        """Let it go untaken; a charge never heard of is refused from then on. `VOIDED`."""
        ...

    def refund(self, key: str, amount: Money) -> Answer:
        """Give taken money back: `REFUNDED`."""
        ...


class CashOnDelivery:
    """Collected by whoever delivers: nothing is held and nothing can fail here."""

    name = "cash"

    def options(self) -> tuple[PaymentOption, ...]:
        return (
            PaymentOption(
                "cod",
                "Cash on delivery",
                "Pay the courier when your order arrives.",
                "cod",
                "Cash on Delivery",
            ),
        )

    def authorise(self, charge: Charge) -> Answer:
        return Answer(PaymentStatus.DUE, charge.key)

    def capture(self, key: str) -> Answer:
        return Answer(PaymentStatus.DUE, key)

    def void(self, key: str) -> Answer:
        return Answer(PaymentStatus.VOIDED, key)

    def refund(self, key: str, amount: Money) -> Answer:
        return Answer(PaymentStatus.REFUNDED, key)
