"""The cart: what a visitor means to buy, and what it would cost today.

It promises that a line never disappears silently, that one SKU has one line, and that totals are always quoted afresh.
"""
