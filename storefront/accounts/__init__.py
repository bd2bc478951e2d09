"""The accounts domain: accounts, sign-in, sessions, address book, payment methods, wishlists and stock alerts.

An e-mail address belongs to at most one account, regardless of its case.
"""
