"""Order pages: order history, one order with its documents, returns, and tracking."""
