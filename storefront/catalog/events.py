"""The events that the catalogue publishes through its outbox, with their payloads.

- `BACK_IN_STOCK`: `{"sku": SKU, "product": product id}`. A variant that had no available units has some again; one
  message for each such change.
- `STOCK_LOW`: `{"skus": [SKU, …], "count": number}`. These variants fell to their low-stock level in one transaction;
  `skus` is cut at `low_stock.MAX_NAMED`, `count` is not.
- `STOCK_DIGEST`: `{"day": ISO date}`. Once a day.
- `CATEGORY_RENAMED`: `{"category": category id}`. The search index of its products must be rebuilt with the new name.
- `SEARCH_INDEX_OUTDATED`: `{}`, then `{"run": key of the first message, "after": product id}`. Published by a migration
  after which texts are split into words by other rules: the search index of all products must be rewritten. Each
  message rewrites a part and publishes the next one.
"""

BACK_IN_STOCK = "back-in-stock"
STOCK_LOW = "stock-low"
STOCK_DIGEST = "stock-digest"
CATEGORY_RENAMED = "category-renamed"
SEARCH_INDEX_OUTDATED = "search-index-outdated"
