"""`flask --app wsgi doctor`: do the six schemas agree? Read-only; it names every row that breaks an invariant.

It may be run while the shop is open: what is under way at this moment (an unfinished checkout) is not a fault.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta

import click
from flask.cli import with_appcontext

from storefront.catalog import service as catalog
from storefront.checkout import service as checkout
from storefront.checkout.service import CheckoutState
from storefront.clock import utc_now
from storefront.orders import service as orders
from storefront.orders.service import OrderStatus
from storefront.payments import service as payments
from storefront.payments.service import PaymentStatus

STUCK = timedelta(hours=1)  # four times as long as a customer or a silent provider is waited for

TAKEN = frozenset({PaymentStatus.CAPTURED, PaymentStatus.DUE})
NOTHING_TAKEN = frozenset({PaymentStatus.VOIDED, PaymentStatus.REFUNDED, PaymentStatus.DECLINED})


def faults() -> Iterator[str]:
    """Every broken invariant, in words; nothing in a healthy shop."""
    yield from catalog.stock_faults()
    yield from catalog.review_faults()
    yield from orders.faults()
    yield from payments.faults()
    yield from _checkout_faults()


def _checkout_faults() -> Iterator[str]:
    """What each checkout's order, payment and goods say of each other."""
    states = checkout.states()
    placed, paid, held = orders.facts(), payments.facts(), catalog.holdings()
    for known in sorted({*placed, *paid, *held} - set(states)):
        yield f"checkout {known}: has an order, a payment or goods, but no record"
    for identity, (state, updated_at) in states.items():
        order, payment, goods = placed.get(identity), paid.get(identity), held.get(identity, [])
        if state in {CheckoutState.RUNNING, CheckoutState.WAITING, CheckoutState.UNDOING}:
            if updated_at < utc_now() - STUCK:
                yield f"checkout {identity}: {state} since {updated_at:%d %b %H:%M}"
            continue
        if state is CheckoutState.COMPLETED:
            yield from _completed_faults(identity, order, payment, goods)
        else:
            yield from _undone_faults(identity, order, payment, goods)


def _completed_faults(
    identity: str,
    order: orders.OrderFacts | None,
    payment: payments.PaymentFacts | None,
    goods: list[catalog.Holding],
) -> Iterator[str]:
    if order is None or payment is None:
        yield f"checkout {identity}: completed without {'order' if order is None else 'payment'}"
        return
    if payment.amount != order.total:
        yield f"{order.order_id}: {order.total} ordered, {payment.amount} paid"
    units = [holding.units for holding in goods]
    states = {holding.state.value for holding in goods}
    if order.status is OrderStatus.PENDING:
        yield f"{order.order_id}: pending, though its checkout is completed"
    elif order.status is OrderStatus.CANCELLED:
        if orders.is_settled(order.order_id) and (payment.status not in NOTHING_TAKEN or states != {"returned"}):
            yield f"{order.order_id}: cancelled, but {payment.status} and its goods {', '.join(states) or 'gone'}"
    elif payment.status not in TAKEN:
        yield f"{order.order_id}: {order.status}, but its payment is {payment.status}"
    elif units != [order.units] or states != {"committed"}:
        yield f"{order.order_id}: ordered {order.units}, sold {units} ({', '.join(states) or 'nothing'})"


def _undone_faults(
    identity: str,
    order: orders.OrderFacts | None,
    payment: payments.PaymentFacts | None,
    goods: list[catalog.Holding],
) -> Iterator[str]:
    if order is not None and order.status is not OrderStatus.CANCELLED:
        yield f"{order.order_id}: {order.status}, though its checkout {identity} was undone"
    if payment is not None and payment.status not in NOTHING_TAKEN:
        yield f"checkout {identity}: undone, but its payment is {payment.status}"
    if goods:
        yield f"checkout {identity}: undone, but still has goods"


@click.command("doctor")
@with_appcontext
def doctor() -> None:
    """Check the invariants of stock, money and messages over all schemas."""
    found = 0
    for fault in faults():
        click.echo(fault)
        found += 1
    if found:
        raise click.ClickException(f"{found} invariants are broken")
    click.echo("Stock, money and messages agree")
