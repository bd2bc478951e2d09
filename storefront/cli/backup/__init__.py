"""Copies of the whole shop: its six databases as they were at one moment, its pictures, the key it made for itself.

No order in which six databases are copied one after the other is safe. Copied after the others, `checkout` names
orders that are not there; copied before them, it lacks the record of orders that are, and nobody would walk them on.
A copy of one moment is what a shop finds after a power cut: whatever was under way is finished or undone by `resume`.
"""
