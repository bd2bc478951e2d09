"""Accounts: who people are to the shop.

It promises that an e-mail address belongs to one account, in whatever case it is typed.
"""
