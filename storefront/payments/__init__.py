"""Payments: money held, taken, let go or given back, once per checkout.

It promises that asking twice under one checkout charges once, that no transaction is open while a provider is on the
line, and that no card number is ever seen: providers take cards, we keep their references and the last four digits.
"""
