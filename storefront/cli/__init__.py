"""Commands: demo data, staff, backup, preflight, consistency."""
