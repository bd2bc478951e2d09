"""Carts, checkouts and orders, created through the services or through the pages."""

from __future__ import annotations

import itertools
import uuid

from storefront.cart import service as cart
from storefront.catalog.values import ProductCard
from storefront.checkout import service as checkout
from storefront.checkout.values import CheckoutDraft, Contact, DraftIncomplete, Outcome
from storefront.core.addresses import PostalAddress
from storefront.core.money import Money
from storefront.orders import service as orders
from storefront.orders.values import LineItem, OrderSnapshot, OrderView
from tests.factories.catalog import make_product, rupees
from tests.page_client import Page, Pages

_carts = itertools.count(1)

EMAIL = "asha@example.com"
PHONE = "+91 98765 43210"
ADDRESS = PostalAddress(
    full_name="Asha Rao",
    phone=PHONE,
    line1="12 Lake Road",
    line2="",
    city="Pune",
    state="Maharashtra",
    postal_code="411001",
    country="India",
)


def make_cart(*goods: tuple[ProductCard, int]) -> str:
    """Create a guest's cart.

    :param goods: product and quantity of each line
    :return: its token
    """
    token = f"cart-{next(_carts)}-{uuid.uuid4().hex[:12]}"
    for product, quantity in goods:
        cart.add_line(token, product.sku, quantity)
    return token


ENTRIES = {"upi": "asha@okbank", "bnpl": "Klarna"}  # additional input of payment options that need one


def make_draft(token: str, *, payment: str = "cod", email: str = EMAIL) -> CheckoutDraft:
    """Start a checkout and complete its contact, delivery and payment steps.

    :param payment: code of a payment option
    """
    draft = checkout.start(token)
    checkout.enter_contact(draft, Contact(email, PHONE))
    checkout.enter_delivery(draft, ADDRESS)
    checkout.enter_payment(draft, payment, ENTRIES.get(payment, ""))
    return checkout.get_draft(draft.id, token)


def return_url(checkout_id: str) -> str:
    return f"/checkout/placing/{checkout_id}"


def agreed_now(checkout_id: str, token: str) -> str:
    """What the shopper agrees to on a review page that is opened now."""
    draft = checkout.get_draft(checkout_id, token)
    try:
        return checkout.review_of(draft, cart.quote(token), cart.account_of(token)).fingerprint
    except DraftIncomplete:
        return "nothing"


def place(draft: CheckoutDraft, token: str) -> Outcome:
    """Place the order as it is now."""
    return checkout.place_order(draft.id, token, agreed=agreed_now(draft.id, token), return_url=return_url)


def make_order(*goods: tuple[ProductCard, int], payment: str = "cod", email: str = EMAIL) -> OrderView:
    """Place an order as a guest.

    :param goods: product and quantity of each item; two units of a new product by default
    """
    token = make_cart(*(goods or ((make_product(), 2),)))
    outcome = place(make_draft(token, payment=payment, email=email), token)
    assert outcome.order_id is not None, outcome
    return orders.get_order(outcome.order_id)


def make_snapshot(
    *, name: str = "Clay Mug", price: Money | None = None, quantity: int = 2, email: str = EMAIL
) -> OrderSnapshot:
    """Make the snapshot of an order with one product, from which the order is created."""
    unit_price = price or rupees(500)
    subtotal, shipping = unit_price * quantity, rupees(500)
    tax = Money(subtotal.minor * 18 // 100, "INR")
    item = LineItem(
        product_id=7,
        slug="clay-mug",
        sku="MUG-1",
        name=name,
        option="Blue",
        picture="",
        hue=40,
        unit_price=unit_price,
        quantity=quantity,
        line_total=subtotal,
    )
    return OrderSnapshot(
        customer_id=None,
        email=email,
        phone=PHONE,
        address=ADDRESS,
        items=(item,),
        subtotal=subtotal,
        shipping=shipping,
        tax=tax,
        discount=rupees(0),
        grand_total=subtotal + shipping + tax,
        payment_kind="cod",
        payment_details="Cash on Delivery",
        payment_provider="",
    )


def new_checkout_id() -> str:
    return str(uuid.uuid4())


# ------------------------------------------------------------------------------------ through the pages

CONTACT = {"email": EMAIL, "phone": PHONE}
DELIVERY = {
    "full_name": ADDRESS.full_name,
    "line1": ADDRESS.line1,
    "city": ADDRESS.city,
    "state": ADDRESS.state,
    "postal_code": ADDRESS.postal_code,
}


def fill_cart(pages: Pages, product: ProductCard, quantity: int = 1) -> Page:
    """Add a product to the visitor's cart on its page.

    :return: the next page
    """
    page = pages.get(f"/product/{product.id}-{product.slug}")
    return pages.submit(page, "#add-line", quantity=str(quantity))


def check_out(pages: Pages, *, payment: str = "cod", until: str = "review") -> Page:
    """Go from the cart to a step of the checkout, completing the steps before it.

    :return: that step's page
    """
    page = pages.get("/checkout")
    for step, fields in (("contact", CONTACT), ("delivery", DELIVERY), ("payment", {"option": payment})):
        if step == until:
            break
        page = pages.submit(page, "form.checkout__form", **fields)
    return page


def press_order(review: Page, pages: Pages, *, status: int = 200) -> Page:
    """Press "Place order" on the review page.

    :return: the page that follows
    """
    return pages.submit(review, "form.checkout-submit__form", status=status)


def buy(pages: Pages, product: ProductCard, quantity: int = 1, *, payment: str = "cod") -> Page:
    """Order a product through the pages.

    :return: the page that follows
    """
    fill_cart(pages, product, quantity)
    return press_order(check_out(pages, payment=payment), pages)
