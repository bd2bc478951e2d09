"""The cart: what a visitor wants to buy, at current prices.

It guarantees that no line disappears silently, that a SKU has one line, and that totals are calculated at every read.
"""
