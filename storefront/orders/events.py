"""What the orders announce through their outbox.

The payload of each is `{"order": order id, "checkout": checkout id}`. A cancellation is announced once to each who must
act on it, so that one who fails does not make the others act again. A step is announced so that the shopper is written
to.
"""

from storefront.orders.values import OrderStatus

ORDER_PLACED = "order-placed"
CANCELLED_RESTOCK = "order-cancelled-restock"
CANCELLED_REFUND = "order-cancelled-refund"
CANCELLED_LETTER = "order-cancelled-letter"
CANCELLATION = (CANCELLED_RESTOCK, CANCELLED_REFUND, CANCELLED_LETTER)
ORDER_PACKED = "order-processing"
ORDER_SHIPPED = "order-shipped"
ORDER_DELIVERED = "order-delivered"
STATUS_TOPIC = {
    OrderStatus.PROCESSING: ORDER_PACKED,
    OrderStatus.SHIPPED: ORDER_SHIPPED,
    OrderStatus.DELIVERED: ORDER_DELIVERED,
}
STAFF_STEPS = tuple(STATUS_TOPIC)  # the shop confirms by itself, when the money is safe; cancelling has its own way
REFUND_MONEY = "refund-money"
REFUND_RESTOCK = "refund-restock"
REFUND_LETTER = "refund-letter"
RETURN_LETTER = "return-letter"
