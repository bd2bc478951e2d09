"""The cart page, and adding, changing and removing its lines."""

from __future__ import annotations

from dataclasses import asdict, dataclass

from flask import Blueprint, abort, flash, redirect, request, session, url_for
from flask.typing import ResponseReturnValue

from storefront.cart import service
from storefront.cart.values import MAX_UNITS, CartLine, CartQuote, LineId, MergedLine, NotEnoughStock, TooManyUnits
from storefront.catalog import service as catalog
from storefront.catalog.values import PurchaseBox, Sku, UnknownSku
from storefront.checkout import service as checkout
from storefront.orders import service as orders
from storefront.pages.cart.forms import AddLineForm, ChangeLineForm
from storefront.pages.catalog.fragments import product_context
from storefront.web import session as web_session
from storefront.web.responses import answer, refuse, render_page, wants_fragment

bp = Blueprint("cart", __name__)

REMOVED = "removed"


@dataclass(frozen=True, slots=True)
class RemovedLine:
    """A line that was just removed, with an undo button shown once."""

    sku: str
    title: str
    quantity: int


def _quote() -> CartQuote:
    """Quote the visitor's cart. Units reserved for an order of it, on any device, are theirs and not sold out."""
    token = web_session.cart_token()
    quote = service.quote(token, checkout=web_session.checkout_id())
    if token is None or not quote.lines or quote.can_be_ordered:
        return quote
    ahead = checkout.find_order_under_way(token)
    return service.quote(token, checkout=ahead) if ahead else quote


@bp.get("/cart")
def show() -> ResponseReturnValue:
    """Show the cart."""
    removed = session.pop(REMOVED, None)
    return render_page(
        "cart/show.html",
        fragment="cart/_cart.html",
        quote=_quote(),
        problems={},
        removed=RemovedLine(**removed) if removed else None,
    )


@bp.post("/cart/lines")
def add_line() -> ResponseReturnValue:
    """Add a SKU to the cart."""
    form = AddLineForm()
    box = _find_box(form)
    if box is None:
        form.sku.errors = ["This product is no longer available"]
    elif form.validate():
        try:
            offer = box.offer(_sku(form))
            line = service.add_offer(web_session.cart_token_for_writing(), offer, form.quantity.units)
        except UnknownSku:
            form.sku.errors = ["This product is no longer available"]
        except NotEnoughStock as shortage:
            form.quantity.errors = [_shortage_message(shortage)]
        except TooManyUnits:
            form.quantity.errors = [f"You can add at most {MAX_UNITS} of one product"]
        else:
            return _line_added(form, box, line)
    return _line_refused(form, box)


def _find_box(form: AddLineForm) -> PurchaseBox | None:
    """The purchase box of the SKU, read once for adding it and for rendering the form; None for an unknown SKU."""
    try:
        return catalog.get_purchase_box(_sku(form))
    except UnknownSku:
        return None


def _line_added(form: AddLineForm, box: PurchaseBox, line: CartLine) -> ResponseReturnValue:
    notice = f"{line.offer.title} added to your cart"
    if form.place.data == "cart":
        return _cart_changed(notice)
    return answer(
        "cart/_after_add_line.html", otherwise=url_for(".show"), notice=notice, line=line, **_form_context(form, box)
    )


def _line_refused(form: AddLineForm, box: PurchaseBox | None) -> ResponseReturnValue:
    problem = next((str(field.errors[0]) for field in form if field.errors), "This product could not be added")
    if form.place.data == "cart":
        cart = {"quote": _quote(), "problems": {}, "removed": None}
        return refuse("cart/_cart.html", otherwise=url_for(".show"), problem=problem, context=cart)
    if box is None:
        raise UnknownSku(form.sku.data)
    context = _form_context(form, box) | {"form": form}
    is_card = form.place.data == "card"
    if not is_card and not wants_fragment():
        page = catalog.get_product(box.product_id, viewer_id=web_session.current_user_id())
        context = product_context(page) | context
    return refuse(
        "cart/_add_line_compact.html" if is_card else "cart/_add_line.html",
        page=None if is_card else "catalog/product.html",
        otherwise=url_for("catalog.product", product_id=box.product_id, slug=box.slug, sku=form.sku.data),
        problem=problem,
        context=context,
    )


def _sku(form: AddLineForm) -> Sku:
    return Sku(form.sku.data or "")


def _form_context(form: AddLineForm, box: PurchaseBox) -> dict[str, object]:
    """The context of both partials: fields of the card, and the product page's purchase box."""
    sku = _sku(form)
    return {
        "place": form.place.data,
        "slot": form.slot.data,
        "box": box,
        "sku": sku,
        "product_id": box.product_id,
        "slug": box.slug,
        "name": box.name,
        "available": box.variant(sku).available,
    }


def _shortage_message(shortage: NotEnoughStock) -> str:
    return f"Only {shortage.available} left" if shortage.available else "Sold out"


@bp.post("/cart/lines/<id:line_id>")
def change_line(line_id: int) -> ResponseReturnValue:
    """Change the quantity of a line."""
    form = ChangeLineForm()
    if form.validate():
        try:
            line = service.change_quantity(web_session.cart_token(), line_id, form.quantity.units)
        except UnknownSku:
            form.quantity.errors = ["This product is no longer available"]
        except NotEnoughStock as shortage:
            form.quantity.errors = [_shortage_message(shortage)]
        else:
            return _cart_changed(f"{line.offer.title}: quantity {line.quantity}")
    quote = _quote()
    if line_id not in {line.id for line in quote.lines}:
        abort(404)
    return refuse(
        "cart/_cart.html",
        page="cart/show.html",
        otherwise=url_for(".show"),
        problem=str(form.quantity.errors[0]),
        context={
            "quote": quote,
            "problems": {LineId(line_id): str(form.quantity.errors[0])},
            "typed": {LineId(line_id): request.form.get("quantity", "")},
            "removed": None,
        },
    )


@bp.post("/cart/lines/<id:line_id>/removal")
def remove_line(line_id: int) -> ResponseReturnValue:
    """Remove a line from the cart, and offer to undo it."""
    line = service.remove_line(web_session.cart_token(), line_id)
    return _cart_changed(
        f"{line.offer.title} removed from your cart", RemovedLine(line.sku, line.offer.title, line.quantity)
    )


@bp.post("/cart/orders/<order_id>")
def buy_again(order_id: str) -> ResponseReturnValue:
    """Add the items of an earlier order to the cart, as far as they are available."""
    order = orders.get_order(order_id)
    if not web_session.can_view_order(order_id, order.customer_id):
        abort(404)
    result = service.reorder(web_session.cart_token_for_writing(), order.items)
    if result.added:
        flash(
            f"{'1 product was' if result.added == 1 else f'{result.added} products were'} added to your cart.", "notice"
        )
    if result.missing:
        flash(f"Not available: {'; '.join(map(_missing_message, result.missing))}.", "problem")
    return redirect(url_for(".show"), 303)


def _missing_message(line: MergedLine) -> str:
    return f"{line.title} ({line.kept} of {line.wanted})" if line.kept else line.title


def _cart_changed(notice: str, removed: RemovedLine | None = None) -> ResponseReturnValue:
    if removed is not None and not wants_fragment():
        session[REMOVED] = asdict(removed)
        notice = ""  # the cart page itself says so, beside the undo button
    context = {"quote": _quote(), "problems": {}, "removed": removed} if wants_fragment() else {}
    return answer("cart/_after_change.html", otherwise=url_for(".show"), notice=notice, **context)
