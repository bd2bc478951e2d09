"""What the orders announce through their outbox.

The payload of each is `{"order": order id, "checkout": checkout id}`. A cancellation is announced once to each who must
act on it, so that one who fails does not make the others act again.
"""

ORDER_PLACED = "order-placed"
CANCELLED_RESTOCK = "order-cancelled-restock"
CANCELLED_REFUND = "order-cancelled-refund"
CANCELLED_LETTER = "order-cancelled-letter"
CANCELLATION = (CANCELLED_RESTOCK, CANCELLED_REFUND, CANCELLED_LETTER)
