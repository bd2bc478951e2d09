"""Contents of an order, fixed when it is placed, and their JSON form in the saga's record."""

from __future__ import annotations

from collections import Counter
from dataclasses import asdict, dataclass
from typing import Any

from pydantic import TypeAdapter

from storefront.cart.values import CartQuote
from storefront.catalog.values import Hold, Sku
from storefront.checkout.values import CheckoutDraft, CheckoutId, Contact, DraftIncomplete, Shortage
from storefront.core.addresses import PostalAddress, checked_address
from storefront.orders.values import LineItem, OrderSnapshot
from storefront.payments.values import PaymentOption


@dataclass(frozen=True, slots=True)
class PlacedOrder:
    """What a checkout orders.

    :ivar return_url: where a payment provider sends the customer afterwards
    :ivar needs_approval: staff release the order before it is confirmed
    :ivar emptied: ids of products whose cart lines are removed in any quantity; of other lines the units bought are
    :ivar cart_content: the content of the cart that is ordered; empty for goods that were in no cart
    """

    snapshot: OrderSnapshot
    payment: PaymentOption
    return_url: str
    emptied: tuple[int, ...] = ()
    cart_content: str = ""
    needs_approval: bool = False

    @property
    def holds(self) -> list[Hold]:
        """Units to reserve, line by line."""
        return [Hold(Sku(item.sku), item.quantity) for item in self.snapshot.items]

    @property
    def units_by_product(self) -> dict[int, int]:
        """Units of each product, whatever the variant."""
        units: Counter[int] = Counter()
        for item in self.snapshot.items:
            units[item.product_id] += item.quantity
        return dict(units)

    @property
    def bought(self) -> dict[Sku, int]:
        """Units by SKU, to remove from the cart."""
        return {Sku(item.sku): item.quantity for item in self.snapshot.items}


_placed_order = TypeAdapter(PlacedOrder)
_contact = TypeAdapter(Contact)
_address = TypeAdapter(PostalAddress)


def dump(placed: PlacedOrder) -> dict[str, Any]:
    """Convert to JSON values, for `Checkout.plan`."""
    values: dict[str, Any] = _placed_order.dump_python(placed, mode="json")
    return values


def load(values: dict[str, Any]) -> PlacedOrder:
    """Read back what `dump` returned."""
    return _placed_order.validate_python(values)


def entry(value: Contact | PostalAddress) -> dict[str, Any]:
    """Convert what a shopper entered on one step to JSON values, for `Checkout.draft`."""
    return asdict(value)


def load_draft(checkout: str, entered: dict[str, Any]) -> CheckoutDraft:
    """Read back the draft of a checkout; what was not entered yet is None."""
    return CheckoutDraft(
        id=CheckoutId(checkout),
        contact=_contact.validate_python(entered["contact"]) if "contact" in entered else None,
        address=_address.validate_python(entered["delivery"]) if "delivery" in entered else None,
        payment=entered.get("payment"),
        payment_entry=entered.get("payment_entry", ""),
        saved_method=entered.get("saved_method"),
    )


def shortages_of(quote: CartQuote) -> list[Shortage]:
    """Lines of a cart that are not available in their quantity, with the units left."""
    short = [line for line in quote.lines if not line.can_be_bought]
    return [Shortage(line.offer.title, max(0, line.offer.available) if line.offer.is_sellable else 0) for line in short]


def snapshot_of(
    draft: CheckoutDraft, quote: CartQuote, payment: PaymentOption, customer: int | None = None
) -> OrderSnapshot:
    """Make the order of a draft.

    :param customer: the account that orders, None for a guest
    :raise DraftIncomplete: a step was skipped
    """
    if draft.contact is None or draft.address is None:
        raise DraftIncomplete(draft.missing_step or "contact")
    return snapshot(draft.contact, draft.address, quote, payment, customer)


def snapshot(
    contact: Contact, address: PostalAddress, quote: CartQuote, payment: PaymentOption, customer: int | None
) -> OrderSnapshot:
    """Make an order at the quoted prices, which later changes of the catalogue do not affect.

    :param customer: the account that orders, None for a guest
    :raise UndeliverableAddress: the address does not fit its country, such as one saved before that was checked
    """
    return OrderSnapshot(
        customer_id=customer,
        email=contact.email,
        phone=contact.phone,
        address=checked_address(address),
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
