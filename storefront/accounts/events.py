"""Events that the accounts domain publishes through its outbox, with their payloads.

- `CODE_SENT`: `{"code": id}`. A one-time code is to be delivered; it is computed when the message is written.
- `ACCOUNT_CHANGED`: `{"user": id, "to": address, "what": "password" …}`. The owner is to be notified by e-mail.
- `ACCOUNT_DELETED`: `{"user": id}`. The other domains are to erase or anonymise that account's data.
- `STOCK_NOTICE_DUE`: `{"notice": id, "occasion": key of the restock}`. A back-in-stock e-mail is to be sent.
"""

CODE_SENT = "code-sent"
ACCOUNT_CHANGED = "account-changed"
ACCOUNT_DELETED = "account-deleted"
STOCK_NOTICE_DUE = "stock-notice-due"
