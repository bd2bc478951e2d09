"""What the orders announce through their outbox. The payload of each is `{"order": order id}`."""

ORDER_PLACED = "order-placed"
