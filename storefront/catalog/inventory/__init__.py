"""Stock: reservations, the ledger, availability, low-stock alerts and returns to stock."""
