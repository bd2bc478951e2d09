"""The catalogue: products, variants, prices, stock, search and reviews.

Guarantees: a SKU names one variant for good; stock is never sold twice; every change of a count on hand leaves an
immutable movement in the ledger; browsing costs a fixed number of statements whatever the size of the shop.
"""
