"""The sandbox bank's page and the payment provider's webhook."""
