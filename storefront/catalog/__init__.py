"""The catalogue: what is described, what is sold, what it costs, how much of it there is, and what buyers said.

It promises that a SKU names one variant for good, that stock is never sold twice, that every change of a count on
hand leaves a movement nobody can edit, and that browsing costs the same number of statements in a shop of any size.
"""
