"""Payments: authorised, captured, voided or refunded, one for each checkout.

It guarantees that repeated calls for a checkout charge once, that no transaction is open during a request to a
provider, and that no card number is ever seen: providers take cards, we store references and the last four digits.
"""
