"""Invoices, credit notes and packing slips, as pages and as PDF."""
