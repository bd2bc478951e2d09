"""What the catalogue announces through its outbox.

The payload of `BACK_IN_STOCK` is `{"sku": SKU, "product": product id}`: of that variant none was available, and now
some are. Each such return has a message of its own.

That of `STOCK_LOW` is `{"skus": [SKU, …], "count": how many}`: these fell to their low-stock level, in one transaction;
of a great many the first are named. That of `STOCK_DIGEST` is `{"day": ISO date}`, once a day.

That of `CATEGORY_RENAMED` is `{"category": category id}`: its products are to be found by its new name.
"""

BACK_IN_STOCK = "back-in-stock"
STOCK_LOW = "stock-low"
STOCK_DIGEST = "stock-digest"
CATEGORY_RENAMED = "category-renamed"
