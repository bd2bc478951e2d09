"""Webhooks: endpoints added, edited, paused, given a new secret, tested and deleted; admins only."""

from __future__ import annotations

import json
from typing import Any

from flask import flash, request, url_for
from flask.typing import ResponseReturnValue

from storefront.staff import admin, bp
from storefront.staff.stock_forms import MAX_CURSOR_LENGTH
from storefront.staff.webhook_forms import (
    EVENT_LABELS,
    EndpointForm,
    ResendForm,
    SecretForm,
    form_of,
    new_endpoint_form,
)
from storefront.web import session as web_session
from storefront.web.filters import plural
from storefront.web.responses import redirect_or_hx, render_page
from storefront.webhooks import service as webhooks
from storefront.webhooks.values import (
    MAX_ENDPOINTS,
    TEST_EVENT,
    DeliveryState,
    Endpoint,
    EndpointConflict,
    EndpointNotActive,
    NewSecret,
    TooManyEndpoints,
    UrlRefused,
)

CHANGED_MEANWHILE = (
    "Nothing was saved: somebody else changed this webhook since you opened it. The page shows the current values."
)
NOT_ACTIVE = "Nothing was sent: resume the webhook first."
EVENT_NAMES: dict[str, str] = {**{str(event): label for event, label in EVENT_LABELS.items()}, TEST_EVENT: "Test event"}


@bp.get("/webhooks")
@admin
def webhook_list() -> ResponseReturnValue:
    """List the endpoints, with the form for a new one."""
    return _show_all(new_endpoint_form())


def _show_all(form: EndpointForm, status: int = 200) -> ResponseReturnValue:
    return render_page(
        "staff/webhooks/list.html",
        status=status,
        form=form,
        summaries=webhooks.list_endpoints(),
        event_names=EVENT_NAMES,
    )


@bp.post("/webhooks")
@admin
def add_webhook() -> ResponseReturnValue:
    """Add an endpoint, and show its secret this once."""
    form = EndpointForm()
    draft = form.read()
    if draft is None:
        return _show_all(form, 422)
    try:
        made = webhooks.add_endpoint(draft, key=form.key.data or "", actor=web_session.current_actor())
    except UrlRefused as refusal:
        form.explain(refusal)
        return _show_all(form, 422)
    except TooManyEndpoints:
        form.url.errors = [f"There are {MAX_ENDPOINTS} webhooks already. Delete one first"]
        return _show_all(form, 422)
    return _show_secret(made, "Webhook added")


def _show_secret(made: NewSecret, done: str) -> ResponseReturnValue:
    """Show a secret. A repeated request has none: what it asked for was done before."""
    if made.secret is None:
        flash(
            "The webhook was added before. Its secret was shown then; make a new one if you do not have it.", "notice"
        )
        return redirect_or_hx(url_for(".webhook", endpoint_id=made.endpoint_id))
    return render_page(
        "staff/webhooks/secret.html",
        endpoint=webhooks.get_endpoint(made.endpoint_id),
        secret=made.secret,
        done=done,
        overlap=webhooks.SECRET_OVERLAP,
    )


@bp.get("/webhooks/<id:endpoint_id>")
@admin
def webhook(endpoint_id: int) -> ResponseReturnValue:
    """Show an endpoint with its form and a page of its log."""
    return _show(webhooks.get_endpoint(endpoint_id))


def _show(endpoint: Endpoint, *, status: int = 200, **more: Any) -> ResponseReturnValue:
    shown = request.args.get("show", "")
    state = DeliveryState(shown) if shown in set(DeliveryState) else None
    context: dict[str, Any] = {
        "form": form_of(endpoint),
        "resend_form": ResendForm(formdata=None),
        "secret_form": SecretForm(formdata=None, seen=str(endpoint.version)),
        "problem": "",
        **more,
    }
    return render_page(
        "staff/webhooks/webhook.html",
        fragment="staff/webhooks/_log.html" if request.method == "GET" else None,
        status=status,
        endpoint=endpoint,
        log=webhooks.list_deliveries(endpoint.id, state, request.args.get("at", "")[:MAX_CURSOR_LENGTH]),
        state=state,
        states=tuple(DeliveryState),
        event_names=EVENT_NAMES,
        max_attempts=webhooks.MAX_ATTEMPTS,
        retention=webhooks.RETENTION,
        overlap=webhooks.SECRET_OVERLAP,
        page_url=lambda cursor: _log_url(endpoint.id, state, at=cursor),
        **context,
    )


def _log_url(endpoint_id: int, state: DeliveryState | None, **more: str) -> str:
    query: dict[str, Any] = {**({"show": state.value} if state else {}), **more}
    return url_for(".webhook", endpoint_id=endpoint_id, **query)


@bp.post("/webhooks/<id:endpoint_id>")
@admin
def change_webhook(endpoint_id: int) -> ResponseReturnValue:
    """Save an endpoint, unless somebody else changed it meanwhile."""
    endpoint, form = webhooks.get_endpoint(endpoint_id), EndpointForm()
    draft = form.read()
    if draft is None:
        return _show(endpoint, status=422, form=form)
    try:
        webhooks.change_endpoint(endpoint_id, draft, seen=int(form.seen.data or 0), actor=web_session.current_actor())
    except UrlRefused as refusal:
        form.explain(refusal)
        return _show(endpoint, status=422, form=form)
    except EndpointConflict as conflict:
        form.seen.data = str(conflict.endpoint.version)
        return _show(conflict.endpoint, status=409, form=form, problem=CHANGED_MEANWHILE)
    return _back(endpoint_id, "Saved")


@bp.post("/webhooks/<id:endpoint_id>/pause")
@admin
def pause_webhook(endpoint_id: int) -> ResponseReturnValue:
    """Pause an endpoint."""
    webhooks.set_paused(endpoint_id, True, actor=web_session.current_actor())
    return _back(endpoint_id, "Paused. Events are kept and sent when you resume.")


@bp.post("/webhooks/<id:endpoint_id>/resumption")
@admin
def resume_webhook(endpoint_id: int) -> ResponseReturnValue:
    """Resume an endpoint that is paused or disabled."""
    webhooks.set_paused(endpoint_id, False, actor=web_session.current_actor())
    return _back(endpoint_id, "Resumed")


@bp.post("/webhooks/<id:endpoint_id>/secret")
@admin
def rotate_webhook_secret(endpoint_id: int) -> ResponseReturnValue:
    """Make a new secret, and show it this once."""
    form = SecretForm()
    seen = int(form.seen.data or 0) if form.validate() else 0
    try:
        made = webhooks.rotate_secret(endpoint_id, seen=seen, actor=web_session.current_actor())
    except EndpointConflict as conflict:
        return _show(conflict.endpoint, status=409, problem=CHANGED_MEANWHILE)
    return _show_secret(made, "New secret made")


@bp.post("/webhooks/<id:endpoint_id>/test-events")
@admin
def test_webhook(endpoint_id: int) -> ResponseReturnValue:
    """Send a test event."""
    try:
        webhooks.send_test_event(endpoint_id, actor=web_session.current_actor())
    except EndpointNotActive:
        return _show(webhooks.get_endpoint(endpoint_id), status=409, problem=NOT_ACTIVE)
    return _back(endpoint_id, "Test event queued. Its result appears in the log in a moment; reload the page.")


@bp.post("/webhooks/<id:endpoint_id>/removal")
@admin
def remove_webhook(endpoint_id: int) -> ResponseReturnValue:
    """Delete an endpoint with its log; one that somebody else deleted is gone, too."""
    webhooks.delete_endpoint(endpoint_id, actor=web_session.current_actor())
    flash("Webhook deleted", "notice")
    return redirect_or_hx(url_for(".webhook_list"))


@bp.get("/webhooks/<id:endpoint_id>/deliveries/<id:delivery_id>")
@admin
def webhook_delivery(endpoint_id: int, delivery_id: int) -> ResponseReturnValue:
    """Show a delivery with what is sent and what was answered."""
    return _show_delivery(endpoint_id, delivery_id)


def _show_delivery(endpoint_id: int, delivery_id: int, *, status: int = 200, problem: str = "") -> ResponseReturnValue:
    delivery = webhooks.get_delivery(endpoint_id, delivery_id)
    return render_page(
        "staff/webhooks/delivery.html",
        status=status,
        endpoint=webhooks.get_endpoint(endpoint_id),
        delivery=delivery,
        payload=json.dumps(json.loads(delivery.payload), indent=2, ensure_ascii=False),
        event_names=EVENT_NAMES,
        max_attempts=webhooks.MAX_ATTEMPTS,
        problem=problem,
    )


@bp.post("/webhooks/<id:endpoint_id>/deliveries/<id:delivery_id>/resending")
@admin
def resend_webhook_delivery(endpoint_id: int, delivery_id: int) -> ResponseReturnValue:
    """Send a delivery again."""
    try:
        webhooks.resend(endpoint_id, delivery_id, actor=web_session.current_actor())
    except EndpointNotActive:
        return _show_delivery(endpoint_id, delivery_id, status=409, problem=NOT_ACTIVE)
    flash("Queued. Its result appears here in a moment; reload the page.", "notice")
    return redirect_or_hx(url_for(".webhook_delivery", endpoint_id=endpoint_id, delivery_id=delivery_id))


@bp.post("/webhooks/<id:endpoint_id>/resending")
@admin
def resend_failed_webhooks(endpoint_id: int) -> ResponseReturnValue:
    """Send every delivery again that was given up since a moment."""
    endpoint, form = webhooks.get_endpoint(endpoint_id), ResendForm()
    since = form.read()
    if since is None:
        return _show(endpoint, status=422, resend_form=form)
    try:
        count = webhooks.resend_failed(endpoint_id, since, actor=web_session.current_actor())
    except EndpointNotActive:
        return _show(endpoint, status=409, resend_form=form, problem=NOT_ACTIVE)
    verb = "is" if count == 1 else "are"
    notice = f"{plural(count, 'event')} {verb} sent again" if count else "Nothing failed since then"
    return _back(endpoint_id, notice)


def _back(endpoint_id: int, notice: str) -> ResponseReturnValue:
    flash(notice, "notice")
    return redirect_or_hx(url_for(".webhook", endpoint_id=endpoint_id))
