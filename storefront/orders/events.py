"""Topics of the orders schema's outbox.

Every payload has `{"order": order id, "checkout": checkout id}`. A cancellation publishes one message for each handler,
so that a failure of one does not repeat the others; so does an order that came back undelivered. A change of status
publishes one for the e-mail about it.
"""

from storefront.orders.values import HELD_TOPIC, OrderStatus

ORDER_HELD = HELD_TOPIC
ORDER_PLACED = "order-placed"
CANCELLED_RESTOCK = "order-cancelled-restock"
CANCELLED_REFUND = "order-cancelled-refund"
CANCELLED_LETTER = "order-cancelled-letter"
CASH_RECEIVED = "order-cash-received"
CANCELLATION = (CANCELLED_RESTOCK, CANCELLED_REFUND, CANCELLED_LETTER)
ORDER_PACKED = "order-processing"
ORDER_SHIPPED = "order-shipped"
ORDER_DELIVERED = "order-delivered"
STATUS_TOPIC = {
    OrderStatus.PROCESSING: ORDER_PACKED,
    OrderStatus.SHIPPED: ORDER_SHIPPED,
    OrderStatus.DELIVERED: ORDER_DELIVERED,
}
STAFF_STEPS = tuple(STATUS_TOPIC)  # statuses that staff set; the saga confirms, and `status.cancel` cancels
REFUND_MONEY = "refund-money"
REFUND_RESTOCK = "refund-restock"
REFUND_LETTER = "refund-letter"
RETURN_LETTER = "return-letter"
