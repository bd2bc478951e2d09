"""Reading the old system's databases. It knows their tables; what comes of them the domains decide."""
