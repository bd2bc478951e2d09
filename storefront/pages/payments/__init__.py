"""Pages for payment providers: Stripe's webhook, and the sandbox bank's page."""
