"""`flask --app wsgi doctor`: check the consistency of all schemas, naming every violation; read-only.

It may run while the shop is open: unfinished checkouts are not violations.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping

import click
from flask.cli import with_appcontext

from storefront.catalog import service as catalog
from storefront.checkout import service as checkout
from storefront.checkout.values import STALE_AFTER, CheckoutState
from storefront.core.clock import utc_now
from storefront.core.money import Money
from storefront.db.dead_letters import dead_letters_by_schema
from storefront.db.import_log import is_legacy_checkout
from storefront.orders import service as orders
from storefront.orders.values import CALLED_OFF, OrderStatus
from storefront.payments import service as payments
from storefront.payments.values import PaymentStatus
from storefront.webhooks import service as webhooks

TAKEN = frozenset({PaymentStatus.CAPTURED, PaymentStatus.DUE})
NOTHING_TAKEN = frozenset({PaymentStatus.VOIDED, PaymentStatus.REFUNDED, PaymentStatus.DECLINED})


def violations() -> Iterator[str]:
    """Yield every broken invariant, in words."""
    yield from catalog.stock_violations()
    yield from catalog.product_violations()
    yield from catalog.review_violations()
    yield from orders.violations()
    yield from payments.violations()
    yield from webhooks.violations()
    for messages in dead_letters_by_schema().values():
        yield from messages.violations()
    yield from _checkout_violations()


def _checkout_violations() -> Iterator[str]:
    """Compare order, payment and reservations of each checkout."""
    states = checkout.states()
    waiting_for_staff = checkout.approval.held()
    placed, paid, held = orders.snapshots(), payments.snapshots(), catalog.holdings()
    for known in sorted({*placed, *paid, *held} - set(states)):
        yield f"checkout {known}: has an order, a payment or reservations, but no record"
    for identity, (state, updated_at) in states.items():
        order, payment, reservations = placed.get(identity), paid.get(identity), held.get(identity, [])
        if state in {CheckoutState.RUNNING, CheckoutState.WAITING, CheckoutState.UNDOING}:
            if updated_at < utc_now() - STALE_AFTER:
                yield f"checkout {identity}: {state} since {updated_at:%d %b %H:%M}"
            continue
        if is_legacy_checkout(identity):
            yield from _imported_violations(identity, order, payment, reservations)
        elif identity in waiting_for_staff:
            yield from _held_violations(identity, order, reservations)
        elif state is CheckoutState.COMPLETED:
            yield from _completed_violations(identity, order, payment, reservations)
        else:
            yield from _undone_violations(identity, order, payment, reservations)


def _held_violations(
    identity: str, order: orders.OrderFacts | None, reservations: list[catalog.Holding]
) -> Iterator[str]:
    """Check an order that waits for staff: it is pending, and has no stock but what a release is just reserving."""
    if order is None or order.status is not OrderStatus.PENDING:
        yield f"checkout {identity}: waits for staff, its order is {order.status if order else 'missing'}"
    elif any(holding.state.value == "committed" for holding in reservations):
        yield f"{order.order_id}: waits for staff, but its stock was sold"


def _completed_violations(
    identity: str,
    order: orders.OrderFacts | None,
    payment: payments.PaymentFacts | None,
    reservations: list[catalog.Holding],
) -> Iterator[str]:
    if order is None or payment is None:
        yield f"checkout {identity}: completed without {'order' if order is None else 'payment'}"
        return
    if payment.amount != order.total:
        yield f"{order.order_id}: {order.total} ordered, {payment.amount} paid"
    if order.status is OrderStatus.PENDING:
        yield f"{order.order_id}: pending, but its checkout is completed"
        return
    yield from _refund_violations(identity, order, payment)
    sold = _summed(holding.units for holding in reservations)
    states = {holding.state.value for holding in reservations}
    if sold != order.units or not states <= {"committed", "returned"}:
        yield f"{order.order_id}: ordered {order.units}, sold {dict(sold)} ({', '.join(sorted(states)) or 'nothing'})"
    yield from _restock_violations(order, reservations)


def _refund_violations(identity: str, order: orders.OrderFacts, payment: payments.PaymentFacts) -> Iterator[str]:
    """Compare the refunds of an order with those of its payment; nothing was ever captured of a voided payment."""
    promised = {payments.refund_key(identity, back.part): back for back in order.given_back if back.amount}
    if payment.status is not PaymentStatus.VOIDED:
        for key, back in promised.items():
            given = payment.refunds.get(key)
            if (back.is_paid or given) and given != back.amount:
                yield f"{order.order_id}: {back.amount} should have been refunded, {given or 'nothing'} was ({key})"
        for key in sorted(payment.refunds.keys() - promised.keys()):
            yield f"{order.order_id}: {payment.refunds[key]} was refunded without a refund of the order ({key})"
    is_over = all(back.is_paid for back in order.given_back)
    all_back = not payment.amount - sum(payment.refunds.values(), Money(0, payment.amount.currency))
    if order.is_cash_settled and payment.status is PaymentStatus.DUE:
        yield f"{order.order_id}: its cash was received, but its payment is due"
    if order.status in CALLED_OFF:
        if is_over and payment.status not in NOTHING_TAKEN:
            yield f"{order.order_id}: {order.status}, but its payment is {payment.status}"
    elif payment.status not in TAKEN and not (payment.status is PaymentStatus.REFUNDED and all_back):
        yield f"{order.order_id}: {order.status}, but its payment is {payment.status}"


def _restock_violations(order: orders.OrderFacts, reservations: list[catalog.Holding]) -> Iterator[str]:
    """Compare restocked units with the refunds: at least those marked as restocked, at most all refunded units."""
    sold, returned = (
        _summed(holding.units for holding in reservations),
        _summed(holding.returned for holding in reservations),
    )
    most = _summed(back.units for back in order.given_back)
    least = _summed(back.units for back in order.given_back if back.is_shelved)
    for sku in sold:
        if not least[sku] <= returned[sku] <= most[sku]:
            yield f"{order.order_id}: {returned[sku]} of {sku} restocked, {most[sku]} expected"


def _summed(counts: Iterable[Mapping[str, int]]) -> Counter[str]:
    summed: Counter[str] = Counter()
    for count in counts:
        summed.update(count)
    return summed


def _imported_violations(
    identity: str,
    order: orders.OrderFacts | None,
    payment: payments.PaymentFacts | None,
    reservations: list[catalog.Holding],
) -> Iterator[str]:
    """Check an imported order, whose products need not exist here."""
    if order is None or payment is None:
        missing = "order" if order is None else "payment"
        yield f"checkout {identity}: imported without its {missing}: run the import again"
        return
    if payment.amount != order.total:
        yield f"{order.order_id}: {order.total} ordered, {payment.amount} paid"
    yield from _refund_violations(identity, order, payment)
    yield from _restock_violations(order, reservations)
    if any(units > order.units.get(sku, 0) for holding in reservations for sku, units in holding.units.items()):
        yield f"{order.order_id}: ordered {order.units}, sold {[holding.units for holding in reservations]}"


def _undone_violations(
    identity: str,
    order: orders.OrderFacts | None,
    payment: payments.PaymentFacts | None,
    reservations: list[catalog.Holding],
) -> Iterator[str]:
    if order is not None and order.status not in CALLED_OFF:
        yield f"{order.order_id}: {order.status}, but its checkout {identity} was undone"
    if payment is not None and payment.status not in NOTHING_TAKEN:
        yield f"checkout {identity}: undone, but its payment is {payment.status}"
    if reservations:
        yield f"checkout {identity}: undone, but still has reservations"


@click.command("doctor")
@with_appcontext
def doctor() -> None:
    """Check the invariants of stock, money and messages over all schemas."""
    report_violations()


def report_violations() -> None:
    """Print every violation, or that there is none.

    :raise click.ClickException: there is at least one
    """
    count = 0
    for violation in violations():
        click.echo(violation)
        count += 1
    if count:
        raise click.ClickException(f"{count} invariants are broken")
    click.echo("Stock, money and messages are consistent")
