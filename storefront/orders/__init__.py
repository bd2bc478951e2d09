"""Orders: what was bought, as it was then, and what became of it.

It promises that an order never changes when the catalogue does, that its status only takes the steps drawn in
`values.NEXT_STEPS`, and that every step leaves an entry in the timeline.
"""
