"""The wishlist: its page, the hearts of all other pages, its sharing, and the word that something is back."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

from flask import Blueprint, abort, make_response, redirect, request, session, url_for
from flask.typing import ResponseReturnValue
from flask_wtf import FlaskForm

from storefront.accounts import service as accounts
from storefront.cart import service as cart
from storefront.catalog import service as catalog
from storefront.catalog.service import PurchaseBox, Sku
from storefront.core.urls import safe_next_path
from storefront.pages.catalog.fragments import render_cards
from storefront.pages.wishlist.forms import AlertForm, ItemForm, ToggleForm, WishlistForm
from storefront.web import session as web_session
from storefront.web.responses import answer, refuse, render_page, wants_fragment
from storefront.web.route_options import no_store
from storefront.web.security_headers import csrf, limiter
from storefront.wishlist import service

bp = no_store(Blueprint("wishlist", __name__))

REMOVED = "removed-wish"


@dataclass(frozen=True, slots=True)
class RemovedItem:
    """A product just taken off the list, offered once for putting back."""

    product_id: int
    sku: str
    quantity: int
    title: str


@dataclass(frozen=True, slots=True)
class Typed:
    """What was chosen and refused, to be shown again."""

    sku: str
    quantity: str


def _list(**more: Any) -> dict[str, Any]:
    """What the list shows.

    :param more: refused choices by product, a product just removed
    """
    person = web_session.current_account()
    return {
        "wishes": service.wishes_of(web_session.wishlist_owner()),
        "account": person.account if person else None,
        "share": accounts.share_of(person.id) if person else None,
        "awaited": accounts.alerts_of(person.id) if person else frozenset(),
        "problems": {},
        "typed": {},
        "removed": None,
        **more,
    }


def _first_problem(form: FlaskForm) -> str:
    return next(str(field.errors[0]) for field in form if field.errors)


@bp.get("/wishlist")
def show() -> ResponseReturnValue:
    """The list as it can be had now."""
    removed = session.pop(REMOVED, None)
    return render_page(
        "wishlist/show.html",
        fragment="wishlist/_list.html",
        **_list(removed=RemovedItem(**removed) if removed else None),
    )


def _changed(notice: str, removed: RemovedItem | None = None) -> ResponseReturnValue:
    if removed is not None and not wants_fragment():
        session[REMOVED] = asdict(removed)
        notice = ""  # the list's page offers to put it back, and says so itself
    fragment = "wishlist/_after_change.html"
    context = _list(removed=removed) if wants_fragment() else {}
    return answer(fragment, otherwise=url_for(".show"), notice=notice, **context)


# ---------------------------------------------------------------------------------------------- hearts


@bp.post("/wishlist/items")
def add() -> ResponseReturnValue:
    """Put a product on the visitor's list."""
    form = WishlistForm()
    if not form.validate():
        abort(400)
    product_id, owner = form.product_id.data or 0, web_session.wishlist_owner_for_writing()
    try:
        service.wish(owner, product_id, sku=form.sku.data or "", quantity=form.quantity.data or 1)
    except accounts.WishlistFull:
        return _full(form, product_id)
    (card,) = catalog.cards_of([product_id])
    notice = f"{card.name} is on your wishlist"
    return _changed(notice) if form.place.data == "list" else _heart(form, card, notice, is_wished=True)


def _full(form: ToggleForm, product_id: int) -> ResponseReturnValue:
    problem = f"Your wishlist holds {accounts.MAX_WISHLIST_ITEMS} products, which is all it has room for"
    if form.place.data == "list":
        return refuse("wishlist/_list.html", otherwise=url_for(".show"), problem=problem, context=_list())
    (card,) = catalog.cards_of([product_id])
    context = {"card": card, "slot": form.slot.data, "is_wished": False, "notice": problem}
    return refuse("wishlist/_after_toggle.html", otherwise=_way_back(form, card), problem=problem, context=context)


def _heart(form: ToggleForm, card: catalog.ProductCard, notice: str, *, is_wished: bool) -> ResponseReturnValue:
    return answer(
        "wishlist/_after_toggle.html",
        otherwise=_way_back(form, card),
        notice=notice,
        card=card,
        slot=form.slot.data,
        is_wished=is_wished,
    )


def _way_back(form: ToggleForm, card: catalog.ProductCard) -> str:
    """To the heart that was pressed, on the page where it stands."""
    product = url_for("catalog.product", product_id=card.id, slug=card.slug)
    return f"{safe_next_path(web_session.page_shown()) or product}#heart-{form.slot.data}-{card.id}"


@bp.post("/wishlist/items/<id:product_id>/removal")
def remove(product_id: int) -> ResponseReturnValue:
    """Take a product off the list; it can be put back at once."""
    form = ToggleForm()
    if not form.validate():
        abort(400)
    removed = accounts.remove_wishlist_item(web_session.wishlist_owner(), product_id)
    cards = catalog.cards_of([product_id])
    if form.place.data == "list":
        if removed is None or not cards:
            return _changed("It is off your wishlist")
        gone = RemovedItem(product_id, removed.sku, removed.quantity, cards[0].name)
        return _changed(f"{cards[0].name} is off your wishlist", gone)
    if not cards:
        abort(404)
    return _heart(form, cards[0], f"{cards[0].name} is off your wishlist", is_wished=False)


# ---------------------------------------------------------------------------------------------- its items


@bp.post("/wishlist/items/<id:product_id>")
def choose(product_id: int) -> ResponseReturnValue:
    """Keep which variant of a product is wanted and how many, or move it to the cart so."""
    form = ItemForm()
    if not form.validate():
        return _refused(form, product_id, _first_problem(form))
    try:
        return _move(form, product_id) if form.act.data == "move" else _keep(form, product_id)
    except service.NotChosen:
        problem = "Choose one of the options"
    except catalog.UnknownSku:
        problem = "This is no longer sold"
    except cart.NotEnoughStock as shortage:
        problem = f"Only {shortage.available} left" if shortage.available else "Sold out"
    except cart.TooManyUnits:
        problem = f"A cart holds at most {cart.MAX_UNITS} of one thing"
    return _refused(form, product_id, problem)


def _keep(form: ItemForm, product_id: int) -> ResponseReturnValue:
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
    return _changed(f"{line.offer.title} is in your cart")


def _refused(form: ItemForm, product_id: int, problem: str) -> ResponseReturnValue:
    if product_id not in accounts.wishlist_product_ids(web_session.wishlist_owner()):
        abort(404)
    typed = Typed(form.sku.data or "", request.form.get("quantity", ""))
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
    """Let others see the list, by a link."""
    if (person := web_session.current_account()) is None:
        abort(400)
    accounts.share_wishlist(person.id)
    return _changed("Your wishlist can be seen by its link")


@bp.post("/wishlist/share/removal")
@web_session.sign_in_required
def stop_sharing() -> ResponseReturnValue:
    """Let nobody see the list any more, link or not."""
    if (person := web_session.current_account()) is None:
        abort(400)
    accounts.stop_sharing(person.id)
    return _changed("Only you can see your wishlist now")


@bp.get("/wishlist/shared/<token>")
def shared(token: str) -> ResponseReturnValue:
    """The list of somebody who gave the link away."""
    name, cards = service.shared(token)
    html = render_cards(cards, "shared", level=2)
    page = make_response(render_page("wishlist/shared.html", name=name, cards=html))
    page.headers["X-Robots-Tag"] = "noindex"
    return page


# ---------------------------------------------------------------------------------------------- back in stock


@bp.get("/wishlist/notices")
def new_alert() -> ResponseReturnValue:
    """Ask to be told when something is back."""
    sku = request.args.get("sku", "")
    form = AlertForm(formdata=None, sku=sku)
    return render_page("wishlist/alert.html", form=form, place="own", **_asked(catalog.get_purchase_box(Sku(sku)), sku))


def _asked(box: PurchaseBox, sku: str) -> dict[str, Any]:
    return {"box": box, "sku": sku, "known_email": web_session.verified_email()}


@bp.post("/wishlist/notices")
@limiter.limit("20/minute;100/hour")
def request_alert() -> ResponseReturnValue:
    """Write to somebody once, when something is back. The answer tells nothing of what an address asked before."""
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
            context={**_asked(box, form.sku.data or ""), "form": form, "place": form.place.data},
        )
    email = form.email.data or ""
    owner = person.id if person and email == known else None
    if service.ask_for_notice(email, Sku(form.sku.data or ""), user=owner):
        return _noted(form, box, f"We write to you once, when {_title(form, box)} is back")
    return _noted(form, box, f"{_title(form, box)} is in stock: you can buy it now")


def _title(form: AlertForm, box: PurchaseBox) -> str:
    option = box.variant(form.sku.data).option
    return f"{box.name}, {option}" if option else box.name


def _noted(form: AlertForm, box: PurchaseBox, notice: str) -> ResponseReturnValue:
    if form.place.data == "list":
        return _changed(notice)
    product = url_for("catalog.product", product_id=box.product_id, slug=box.slug)
    return answer("wishlist/_after_alert.html", otherwise=product, notice=notice)


@bp.get("/wishlist/notices/<token>")
def alert(token: str) -> ResponseReturnValue:
    """Where the link in a letter leads: one button, and no such letter is sent to that address again."""
    try:
        found = accounts.get_notice(token)
    except accounts.UnknownNotice:
        return render_page("wishlist/unsubscribed.html")
    return render_page("wishlist/unsubscribe.html", notice=found)


@bp.post("/wishlist/notices/<token>")
def unsubscribe(token: str) -> ResponseReturnValue:
    """Forget every notice of the address that a letter went to."""
    accounts.unsubscribe(token)
    return redirect(url_for(".alert", token=token), 303)


csrf.exempt(unsubscribe)  # a mail program sends it by itself, RFC 8058; the token in the address stands for the form's
