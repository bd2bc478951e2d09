"""Import from the old system: reads its tables and passes the rows to the domains, which decide what to import."""
