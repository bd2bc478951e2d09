"""The checkout: from a cart to an order, over six databases without a shared transaction.

It promises that one key means one order, that a process killed anywhere leaves a record from which the next runner
goes on or goes back, and that nobody pays a total that was not shown to them.
"""
