"""Topics of the payments schema's outbox.

The payload is `{"checkout": checkout id}`.
"""

PAYMENT_CHANGED = "payment-changed"  # a provider reported a change: the checkout is to be resumed
