"""The interface of payment providers, and the providers of payments that are settled outside the shop.

Card payments are made by `sandbox` and `stripe`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, Protocol

from storefront.core.money import Money
from storefront.payments.values import PaymentOption, PaymentStatus


@dataclass(frozen=True, slots=True)
class Charge:
    """A payment that a provider is asked to authorise.

    :ivar key: our idempotency key, the checkout's id: a provider charges once for each
    :ivar method: code of a `PaymentOption`
    :ivar return_url: where the provider sends the customer after confirming
    """

    key: str
    amount: Money
    method: str
    return_url: str


@dataclass(frozen=True, slots=True)
class ProviderResponse:
    """A provider's response.

    :ivar reference: the provider's id of the charge
    :ivar action_url: where the customer must confirm; with `ACTION_NEEDED` only
    :ivar reason: why it was declined, for the shopper
    """

    status: PaymentStatus
    reference: str = ""
    action_url: str = ""
    reason: str = ""


class PaymentProvider(Protocol):
    """A provider that moves money.

    Every method may raise `ProviderTimeout`: the result is unknown then, and the same call is made again later.

    :ivar name: stored with each payment
    """

    name: str

    def options(self) -> tuple[PaymentOption, ...]:
        """The payment options it offers to shoppers."""
        ...

    def is_available(self) -> bool:
        """Whether it answers, as far as is known, so that a new payment may be begun."""
        ...

    def authorise(self, charge: Charge) -> ProviderResponse:
        """Authorise a payment. The same key always means the same charge.

        :return: `AUTHORISED`, `DUE`, `ACTION_NEEDED` or `DECLINED`
        """
        ...

    def capture(self, key: str) -> ProviderResponse:
        """Capture an authorised payment.

        :return: `CAPTURED`, `DUE` where it is collected later, or `DECLINED`
        """
        ...

    def void(self, key: str) -> ProviderResponse:
        """Void a charge that was not captured; a key that was never used is refused from then on.

        :return: `VOIDED`, or `CAPTURED` when it was captured before
        """
        ...

    def refund(self, key: str, amount: Money, refund_key: str) -> ProviderResponse:
        """Refund a part or all of a captured payment.

        :param refund_key: idempotency key of the refund: each is made once
        :return: `REFUNDED`, or another status when it was refused
        """
        ...


class Offline:
    """A payment that is settled outside the shop: no request is made, and nothing can fail.

    :cvar option: the one payment option it offers
    :cvar held: status once authorised
    :cvar taken: status once captured
    """

    name: str
    option: ClassVar[PaymentOption]
    held = PaymentStatus.DUE
    taken = PaymentStatus.DUE

    def options(self) -> tuple[PaymentOption, ...]:
        return (self.option,)

    def is_available(self) -> bool:
        return True

    def authorise(self, charge: Charge) -> ProviderResponse:
        return ProviderResponse(self.held, charge.key)

    def capture(self, key: str) -> ProviderResponse:
        return ProviderResponse(self.taken, key)

    def void(self, key: str) -> ProviderResponse:
        return ProviderResponse(PaymentStatus.VOIDED, key)

    def refund(self, key: str, amount: Money, refund_key: str) -> ProviderResponse:
        return ProviderResponse(PaymentStatus.REFUNDED, key)


class CashOnDelivery(Offline):
    """Collected by the courier."""

    name = "cash"
    option = PaymentOption(
        "cod", "Cash on delivery", "Pay the courier when your order arrives.", "cod", "Cash on Delivery"
    )


class Upi(Offline):
    """Paid from the customer's UPI app, under their UPI id; recorded as paid at once, as in the old shop."""

    name = "upi"
    option = PaymentOption("upi", "UPI", "Pay from your UPI app.", "upi", "UPI")
    held = PaymentStatus.AUTHORISED
    taken = PaymentStatus.CAPTURED


class PayLater(Offline):
    """A lender pays the shop and collects instalments from the customer."""

    name = "pay-later"
    option = PaymentOption(
        "bnpl", "Pay later", "In instalments, with the provider you choose.", "bnpl", "Buy Now Pay Later"
    )


class LegacyCharge(Offline):
    """Cards charged by the old shop: its provider cannot be reached, staff refund them by hand. Not offered."""

    name = "old-shop"
