"""Stock: reservations, the ledger, availability, low-stock levels, restocking."""
