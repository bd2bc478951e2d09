"""The pages of an account: what a customer owns, over all domains. It has no tables and no rules.

It promises that whoever is signed in sees and changes only what is theirs.
"""
