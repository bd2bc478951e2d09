"""Outgoing webhooks: the endpoints that admins enter, what is delivered to each, and the log of it.

Other parts of the shop use `service`, `values` and `events`.
"""
