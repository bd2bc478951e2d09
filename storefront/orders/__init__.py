"""Orders: what was bought, at the prices of that time, with status, refunds, returns and invoices.

It guarantees that an order does not change with the catalogue, that its status changes only as `values.NEXT_STEPS`
allows, and that every change of status has an entry in the timeline.
"""
