"""Topics of the webhooks schema's outbox.

- `ENDPOINT_DISABLED`: `{"endpoint": id}`. The shop disabled an endpoint; the admins are to be told.
"""

ENDPOINT_DISABLED = "webhook-endpoint-disabled"
