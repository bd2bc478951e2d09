"""What the payments announce through their outbox.

The payload of each is `{"checkout": checkout id}`.
"""

PAYMENT_CHANGED = "payment-changed"
