"""What is being ordered, fixed at the moment the order is placed, and how the saga's record keeps it."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

from pydantic import TypeAdapter

from storefront.cart.service import CartQuote
from storefront.catalog.service import Hold, Sku
from storefront.checkout.values import CheckoutDraft, CheckoutId, Contact, DraftIncomplete, Shortage
from storefront.core.addresses import PostalAddress
from storefront.orders.service import LineItem, OrderSnapshot
from storefront.payments.service import PaymentOption


@dataclass(frozen=True, slots=True)
class PlacedOrder:
    """What a checkout orders.

    :ivar return_url: where the customer comes back to from a payment provider
    :ivar emptied: products that leave the cart wholly, whatever it holds of them; of the others what was bought leaves
    """

    snapshot: OrderSnapshot
    payment: PaymentOption
    return_url: str
    emptied: tuple[int, ...] = ()

    @property
    def holds(self) -> list[Hold]:
        return [Hold(Sku(item.sku), item.quantity) for item in self.snapshot.items]

    @property
    def bought(self) -> dict[Sku, int]:
        return {Sku(item.sku): item.quantity for item in self.snapshot.items}


_placed_order = TypeAdapter(PlacedOrder)
_contact = TypeAdapter(Contact)
_address = TypeAdapter(PostalAddress)


def dump(plan: PlacedOrder) -> dict[str, Any]:
    """As JSON keeps it."""
    kept: dict[str, Any] = _placed_order.dump_python(plan, mode="json")
    return kept


def load(kept: dict[str, Any]) -> PlacedOrder:
    return _placed_order.validate_python(kept)


def entry(value: Contact | PostalAddress) -> dict[str, Any]:
    """What a shopper entered on one step, as JSON keeps it."""
    return asdict(value)


def load_draft(checkout: str, kept: dict[str, Any]) -> CheckoutDraft:
    """The draft of a record; what was not entered yet is None."""
    return CheckoutDraft(
        id=CheckoutId(checkout),
        contact=_contact.validate_python(kept["contact"]) if "contact" in kept else None,
        address=_address.validate_python(kept["delivery"]) if "delivery" in kept else None,
        payment=kept.get("payment"),
        payment_entry=kept.get("payment_entry", ""),
    )


def shortages_of(quote: CartQuote) -> list[Shortage]:
    """What of a cart cannot be had as it stands, and how much of it is left."""
    short = [line for line in quote.lines if not line.can_be_bought]
    return [Shortage(line.offer.title, max(0, line.offer.available) if line.offer.is_sellable else 0) for line in short]


def snapshot_of(
    draft: CheckoutDraft, quote: CartQuote, payment: PaymentOption, customer: int | None = None
) -> OrderSnapshot:
    """What a draft orders.

    :param customer: the account that orders, None for a guest
    :raise DraftIncomplete: a step was skipped
    """
    if draft.contact is None or draft.address is None:
        raise DraftIncomplete(draft.missing_step or "contact")
    return snapshot(draft.contact, draft.address, quote, payment, customer)


def snapshot(
    contact: Contact, address: PostalAddress, quote: CartQuote, payment: PaymentOption, customer: int | None
) -> OrderSnapshot:
    """An order as it will be written down: nothing in it changes when the catalogue does."""
    return OrderSnapshot(
        customer_id=customer,
        email=contact.email,
        phone=contact.phone,
        address=address,
        items=tuple(
            LineItem(
                product_id=line.offer.product_id,
                slug=line.offer.slug,
                sku=line.sku,
                name=line.offer.name,
                option=line.offer.option,
                picture=line.offer.picture.source if line.offer.picture else "",
                hue=line.offer.hue,
                unit_price=line.offer.price,
                quantity=line.quantity,
                line_total=line.line_total,
            )
            for line in quote.lines
        ),
        subtotal=quote.price.subtotal,
        shipping=quote.price.shipping,
        tax=quote.price.tax,
        discount=quote.price.discount,
        grand_total=quote.price.grand_total,
        payment_kind=payment.kind,
        payment_details=payment.details,
        payment_provider=payment.lender,
    )
