"""The checkout: from a cart to an order, over several databases without a shared transaction.

It guarantees that one idempotency key means one order, that a process killed anywhere leaves a record from which the
next runner completes or undoes the order, and that nobody pays a total that was not shown to them.
"""
