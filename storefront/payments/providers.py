"""Who moves the money. One interface; what is settled outside the shop needs nobody to ask.

Cards are the business of `sandbox` and `stripe`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, Protocol

from storefront.core.money import Money
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
class ProviderResponse:
    """What a provider said.

    :ivar action_url: where the customer must confirm, with `ACTION_NEEDED` only
    """

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

    def authorise(self, charge: Charge) -> ProviderResponse:
        """Hold the money: `AUTHORISED`, `DUE`, `ACTION_NEEDED` or `DECLINED`. The same key gets the same charge."""
        ...

    def capture(self, key: str) -> ProviderResponse:
        """Take what is held: `CAPTURED`, or `DUE` where it is collected later, or `DECLINED`."""
        ...

    def void(self, key: str) -> ProviderResponse:
        """Let it go untaken; a charge never heard of is refused from then on. `VOIDED`."""
        ...

    def refund(self, key: str, amount: Money, refund_key: str) -> ProviderResponse:
        """Give taken money back, a part or all of it: `REFUNDED` once that is done.

        :param refund_key: asked twice under one, money goes back once; two of them are two refunds
        """
        ...


class Offline:
    """Settled outside the shop: nothing can fail here, and nobody has to be waited for.

    :cvar option: the one way to pay it offers
    :cvar held: how a payment stands once it is promised
    :cvar taken: and once the order is certain
    """

    name: str
    option: ClassVar[PaymentOption]
    held = PaymentStatus.DUE
    taken = PaymentStatus.DUE

    def options(self) -> tuple[PaymentOption, ...]:
        return (self.option,)

    def authorise(self, charge: Charge) -> ProviderResponse:
        return ProviderResponse(self.held, charge.key)

    def capture(self, key: str) -> ProviderResponse:
        return ProviderResponse(self.taken, key)

    def void(self, key: str) -> ProviderResponse:
        return ProviderResponse(PaymentStatus.VOIDED, key)

    def refund(self, key: str, amount: Money, refund_key: str) -> ProviderResponse:
        return ProviderResponse(PaymentStatus.REFUNDED, key)


class CashOnDelivery(Offline):
    """Collected by whoever delivers."""

    name = "cash"
    option = PaymentOption(
        "cod", "Cash on delivery", "Pay the courier when your order arrives.", "cod", "Cash on Delivery"
    )


class Upi(Offline):
    """Paid from the customer's UPI app, under their UPI id; taken as paid, as the old shop did."""

    name = "upi"
    option = PaymentOption("upi", "UPI", "Pay from your UPI app.", "upi", "UPI")
    held = PaymentStatus.AUTHORISED
    taken = PaymentStatus.CAPTURED


class PayLater(Offline):
    """A lender pays the shop and collects from the customer in parts."""

    name = "pay-later"
    option = PaymentOption("bnpl", "Pay later", "In parts, with the provider you choose.", "bnpl", "Buy Now Pay Later")


class LegacyCharge(Offline):
    """Cards that the old shop charged: nothing can be asked of whoever did it, money goes back by hand. Not offered."""

    name = "old-shop"
