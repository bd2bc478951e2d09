"""Wishlist page, the wishlist toggles of all other pages, sharing, and back-in-stock alerts."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

from flask import Blueprint, abort, make_response, redirect, request, session, url_for
from flask.typing import ResponseReturnValue

from storefront.accounts import service as accounts
from storefront.cart.values import MAX_UNITS, NotEnoughStock, TooManyUnits
from storefront.catalog import listing
from storefront.catalog import service as catalog
from storefront.catalog.values import ProductCard, PurchaseBox, Sku, UnknownSku
from storefront.core.urls import safe_next_path
from storefront.pages.catalog.fragments import render_cards
from storefront.pages.wishlist.forms import AlertForm, ItemForm, ToggleForm, WishlistForm
from storefront.web import session as web_session
from storefront.web.form_fields import PageForm
from storefront.web.responses import answer, refuse, render_page, wants_fragment
from storefront.web.route_options import no_store
from storefront.web.security_headers import csrf, limit_requests
from storefront.wishlist import service

bp = no_store(Blueprint("wishlist", __name__))

REMOVED = "removed-wish"


@dataclass(frozen=True, slots=True)
class RemovedItem:
    """An item just removed from the list, for which Undo is offered once."""

    product_id: int
    sku: str
    quantity: int
    title: str


@dataclass(frozen=True, slots=True)
class RejectedChoice:
    """A rejected choice of variant and quantity, to be shown again as it was typed."""

    sku: str
    quantity: str


def _list(**more: Any) -> dict[str, Any]:
    """Template context of the list.

    :param more: overrides, such as `problems` and `typed` by product id, or the item just `removed`
    """
    person = web_session.current_account()
    return {
        "items": service.items_of(web_session.wishlist_owner()),
        "account": person.account if person else None,
        "share": accounts.share_of(person.id) if person else None,
        "awaited": accounts.alerts_of(person.id) if person else frozenset(),
        "problems": {},
        "typed": {},
        "removed": None,
        **more,
    }


def _first_problem(form: PageForm) -> str:
    return next(str(field.errors[0]) for field in form if field.errors)


@bp.get("/wishlist")
def show() -> ResponseReturnValue:
    """Show the wishlist."""
    removed = session.pop(REMOVED, None)
    return render_page(
        "wishlist/show.html",
        fragment="wishlist/_list.html",
        **_list(removed=RemovedItem(**removed) if removed else None),
    )


def _changed(notice: str, removed: RemovedItem | None = None) -> ResponseReturnValue:
    if removed is not None and not wants_fragment():
        session[REMOVED] = asdict(removed)
        notice = ""  # the list itself shows the removal, with Undo
    fragment = "wishlist/_after_change.html"
    context = _list(removed=removed) if wants_fragment() else {}
    return answer(fragment, otherwise=url_for(".show"), notice=notice, **context)


# ---------------------------------------------------------------------------------------------- toggles


@bp.post("/wishlist/items")
def add() -> ResponseReturnValue:
    """Add a product to the visitor's wishlist."""
    form = WishlistForm()
    if not form.validate():
        abort(400)
    product_id, owner = form.product_id.data or 0, web_session.wishlist_owner_for_writing()
    try:
        service.add_item(owner, product_id, sku=form.sku.data or "", quantity=form.quantity.data or 1)
    except accounts.WishlistFull:
        return _list_full(form, product_id)
    (card,) = listing.cards_of([product_id])
    notice = f"{card.name} added to your wishlist"
    return _changed(notice) if form.place.data == "list" else _toggled(form, card, notice, is_wished=True)


def _list_full(form: ToggleForm, product_id: int) -> ResponseReturnValue:
    problem = f"Your wishlist is full. It can hold up to {accounts.MAX_WISHLIST_ITEMS} products"
    if form.place.data == "list":
        return refuse("wishlist/_list.html", otherwise=url_for(".show"), problem=problem, context=_list())
    (card,) = listing.cards_of([product_id])
    context = {"card": card, "slot": form.slot.data, "is_wished": False, "notice": problem}
    return refuse("wishlist/_after_toggle.html", otherwise=_toggle_url(form, card), problem=problem, context=context)


def _toggled(form: ToggleForm, card: ProductCard, notice: str, *, is_wished: bool) -> ResponseReturnValue:
    return answer(
        "wishlist/_after_toggle.html",
        otherwise=_toggle_url(form, card),
        notice=notice,
        card=card,
        slot=form.slot.data,
        is_wished=is_wished,
    )


def _toggle_url(form: ToggleForm, card: ProductCard) -> str:
    """URL of the pressed toggle on its page, for the redirect without htmx."""
    product = url_for("catalog.product", product_id=card.id, slug=card.slug)
    return f"{safe_next_path(web_session.page_shown()) or product}#heart-{form.slot.data}-{card.id}"


@bp.post("/wishlist/items/<id:product_id>/removal")
def remove(product_id: int) -> ResponseReturnValue:
    """Remove a product from the wishlist. The list then offers Undo."""
    form = ToggleForm()
    if not form.validate():
        abort(400)
    removed = accounts.remove_wishlist_item(web_session.wishlist_owner(), product_id)
    cards = listing.cards_of([product_id])
    if form.place.data == "list":
        if removed is None or not cards:
            return _changed("Product removed from your wishlist")
        undo = RemovedItem(product_id, removed.sku, removed.quantity, cards[0].name)
        return _changed(f"{cards[0].name} removed from your wishlist", undo)
    if not cards:
        abort(404)
    return _toggled(form, cards[0], f"{cards[0].name} removed from your wishlist", is_wished=False)


# ---------------------------------------------------------------------------------------------- items


@bp.post("/wishlist/items/<id:product_id>")
def choose(product_id: int) -> ResponseReturnValue:
    """Save variant and quantity of an item, or move it to the cart with them."""
    form = ItemForm()
    if not form.validate():
        return _refused(form, product_id, _first_problem(form))
    try:
        return _move(form, product_id) if form.act.data == "move" else _update(form, product_id)
    except service.NotChosen:
        problem = "Choose an option"
    except UnknownSku:
        problem = "This product is no longer sold"
    except NotEnoughStock as shortage:
        problem = f"Only {shortage.available} left" if shortage.available else "Sold out"
    except TooManyUnits:
        problem = f"You can have up to {MAX_UNITS} of one product in your cart"
    return _refused(form, product_id, problem)


def _update(form: ItemForm, product_id: int) -> ResponseReturnValue:
    owner = web_session.wishlist_owner()
    offer = service.change(owner, product_id, sku=form.sku.data or "", quantity=form.quantity.units)
    return _changed(f"{offer.title if form.sku.data else offer.name}: quantity {form.quantity.units}")


def _move(form: ItemForm, product_id: int) -> ResponseReturnValue:
    line = service.move_to_cart(
        web_session.wishlist_owner(),
        web_session.cart_token_for_writing(),
        product_id,
        sku=form.sku.data or "",
        quantity=form.quantity.units,
    )
    return _changed(f"{line.offer.title} moved to your cart")


def _refused(form: ItemForm, product_id: int, problem: str) -> ResponseReturnValue:
    if product_id not in accounts.wishlist_product_ids(web_session.wishlist_owner()):
        abort(404)
    typed = RejectedChoice(form.sku.data or "", request.form.get("quantity", ""))
    context = _list(problems={product_id: problem}, typed={product_id: typed})
    return refuse(
        "wishlist/_list.html",
        page="wishlist/show.html",
        otherwise=url_for(".show"),
        problem=problem,
        context=context,
    )


# ---------------------------------------------------------------------------------------------- sharing


@bp.post("/wishlist/share")
@web_session.sign_in_required
def share() -> ResponseReturnValue:
    """Share the account's wishlist under a link."""
    if (person := web_session.current_account()) is None:
        abort(400)
    accounts.share_wishlist(person.id)
    return _changed("Your wishlist is shared. Anyone with the link can see it")


@bp.post("/wishlist/share/removal")
@web_session.sign_in_required
def stop_sharing() -> ResponseReturnValue:
    """Stop sharing the account's wishlist; its link no longer works."""
    if (person := web_session.current_account()) is None:
        abort(400)
    accounts.stop_sharing(person.id)
    return _changed("Your wishlist is no longer shared")


@bp.get("/wishlist/shared/<token>")
def shared(token: str) -> ResponseReturnValue:
    """Show a shared wishlist to anyone with its link."""
    name, cards = service.shared(token)
    html = render_cards(cards, "shared", level=2)
    page = make_response(render_page("wishlist/shared.html", name=name, cards=html))
    page.headers["X-Robots-Tag"] = "noindex"
    return page


# ---------------------------------------------------------------------------------------------- back in stock


@bp.get("/wishlist/notices")
def new_alert() -> ResponseReturnValue:
    """Show the form that requests a back-in-stock alert."""
    sku = request.args.get("sku", "")
    form = AlertForm(formdata=None, sku=sku)
    context = _alert_context(catalog.get_purchase_box(Sku(sku)), sku)
    return render_page("wishlist/alert.html", form=form, place="own", **context)


def _alert_context(box: PurchaseBox, sku: str) -> dict[str, Any]:
    return {"box": box, "sku": sku, "known_email": web_session.verified_email()}


@bp.post("/wishlist/notices")
@limit_requests("20/minute;100/hour")
def request_alert() -> ResponseReturnValue:
    """Request a back-in-stock alert. The response does not reveal whether the address has requested it before."""
    form, person, known = AlertForm(), web_session.current_account(), web_session.verified_email()
    if known and not form.email.data:
        form.email.data = known
    box = catalog.get_purchase_box(Sku(form.sku.data or ""))
    if not form.validate():
        return refuse(
            "wishlist/_alert_form.html",
            page="wishlist/alert.html",
            otherwise=url_for(".new_alert", sku=form.sku.data),
            problem=_first_problem(form),
            context={**_alert_context(box, form.sku.data or ""), "form": form, "place": form.place.data},
        )
    email = form.email.data or ""
    owner = person.id if person and email == known else None
    if service.request_alert(email, Sku(form.sku.data or ""), user=owner):
        return _alert_saved(form, box, f"We will e-mail you once when {_title(form, box)} is back in stock")
    return _alert_saved(form, box, f"{_title(form, box)} is in stock. You can buy it now")


def _title(form: AlertForm, box: PurchaseBox) -> str:
    option = box.variant(form.sku.data).option
    return f"{box.name}, {option}" if option else box.name


def _alert_saved(form: AlertForm, box: PurchaseBox, notice: str) -> ResponseReturnValue:
    if form.place.data == "list":
        return _changed(notice)
    product = url_for("catalog.product", product_id=box.product_id, slug=box.slug)
    return answer("wishlist/_after_alert.html", otherwise=product, notice=notice)


@bp.get("/wishlist/notices/<token>")
def alert(token: str) -> ResponseReturnValue:
    """Show the unsubscribe page that alert e-mails link to. It only asks: mail scanners open such links."""
    try:
        stock_alert = accounts.get_alert(token)
    except accounts.UnknownAlert:
        return render_page("wishlist/unsubscribed.html")
    return render_page("wishlist/unsubscribe.html", alert=stock_alert)


@bp.post("/wishlist/notices/<token>")
def unsubscribe(token: str) -> ResponseReturnValue:
    """Delete all alerts of the address that the token was sent to."""
    accounts.unsubscribe(token)
    return redirect(url_for(".alert", token=token), 303)


csrf.exempt(unsubscribe)  # mail programs send it without a form (RFC 8058); the token in the URL authorises it
