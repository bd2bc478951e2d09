"""Whether a cart still has the content that is ordered (`opening`, rule 3)."""

from __future__ import annotations

from storefront.cart import service as cart
from storefront.checkout.snapshot import PlacedOrder


class ContentTaken(Exception):
    """Another checkout cleared the cart after it was read for this one, and before this one began.

    :ivar first: that checkout, if the cart still knows
    """

    def __init__(self, first: str | None) -> None:
        super().__init__(first)
        self.first = first


def refuse_other_content(placed: PlacedOrder, token: str) -> None:
    """Refuse to order what another checkout has taken.

    Not where a guest signed in meanwhile: their lines are in the account's cart, whose other orders wait for this one.

    :param token: key of the cart that is ordered, now
    :raise ContentTaken: the cart has another content now
    """
    if cart.account_of(token) == placed.snapshot.customer_id:
        record = cart.find_cart(token)
        if record is None or record.content_id != placed.cart_content:
            raise ContentTaken(record.cleared_for if record else None)
