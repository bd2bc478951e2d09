"""Checkout pages: contact, delivery, payment, review, and the page that waits for a payment."""
