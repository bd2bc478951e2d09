"""What the last page of the checkout shows: exactly what is ordered, and what the shopper agrees to by its button."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Any

from flask import current_app

from storefront.cart import service as cart
from storefront.cart.values import CartQuote
from storefront.checkout import snapshot as plans
from storefront.checkout.values import CheckoutDraft, Contact, DraftIncomplete
from storefront.core.addresses import PostalAddress
from storefront.orders import service as orders
from storefront.orders.values import OrderSnapshot
from storefront.payments import service as payments
from storefront.payments.values import PaymentOption

_SEPARATOR = "."  # between the parts of a fingerprint
_DIGITS = 12  # of the digest of each part, hexadecimal


@dataclass(frozen=True, slots=True)
class Review:
    """An order before it is placed. The page shows these values and no others, and these are what is ordered.

    :ivar cart_content: names the content of the cart; no two orders take the same
    :ivar tax_rate: as shown beside the tax, 0.18 is 18 %
    """

    cart_content: str
    snapshot: OrderSnapshot
    payment: PaymentOption
    arrives_on: date
    tax_rate: Decimal

    @property
    def contact(self) -> Contact:
        """How to reach the customer."""
        return Contact(self.snapshot.email, self.snapshot.phone)

    @property
    def address(self) -> PostalAddress:
        """Where it goes."""
        return self.snapshot.address

    @property
    def unit_count(self) -> int:
        """Units of all items."""
        return sum(item.quantity for item in self.snapshot.items)

    @property
    def _parts(self) -> dict[str, Any]:
        """Every value of the review, by what a shopper would call it."""
        order = self.snapshot
        return {
            "contact details": (order.customer_id, self.contact),
            "delivery": (self.address, self.arrives_on),
            "payment method": (
                self.payment,
                order.payment_kind,
                order.payment_details,
                order.payment_provider,
            ),
            "products": order.items,
            "total": (order.subtotal, order.shipping, order.tax, order.discount, order.grand_total, self.tax_rate),
        }

    @property
    def fingerprint(self) -> str:
        """Digest of all values, which the page sends back with its button."""
        digests = (hashlib.sha256(repr(part).encode()).hexdigest()[:_DIGITS] for part in self._parts.values())
        return _SEPARATOR.join([self.cart_content, *digests])

    def changes_since(self, agreed: str) -> list[str]:
        """Which parts differ from what a shopper agreed to, in words; all of them if that is no fingerprint of ours.

        :param agreed: an earlier fingerprint
        """
        now, then = self.fingerprint.split(_SEPARATOR)[1:], agreed.split(_SEPARATOR)[1:]
        if len(now) != len(then):
            return list(self._parts)
        return [name for name, is_now, was in zip(self._parts, now, then, strict=True) if is_now != was]


def content_agreed(agreed: str) -> str:
    """The content of the cart that a fingerprint is about."""
    return agreed.partition(_SEPARATOR)[0]


def review_of(draft: CheckoutDraft, quote: CartQuote, customer: int | None) -> Review:
    """Put together what is ordered.

    :param customer: the account that orders, None for a guest
    :raise DraftIncomplete: a step was skipped, or the payment option chosen is no longer offered
    """
    if missing := draft.missing_step:
        raise DraftIncomplete(missing)
    option = payments.find_option(draft.payment or "", draft.payment_entry, saved=draft.saved_method)
    if option is None:
        raise DraftIncomplete("payment")
    return Review(
        cart_content=quote.content_id,
        snapshot=plans.snapshot_of(draft, quote, option, customer),
        payment=option,
        arrives_on=orders.estimated_delivery_date(),
        tax_rate=cart.pricing_rules(current_app.config).tax_rate,
    )
