"""Order pages: tracking, returns, history, invoices."""
