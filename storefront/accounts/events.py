"""What the accounts announce through their outbox.

The payload of `CODE_SENT` is `{"code": id}`: the code itself is made when its letter is written.
That of `ACCOUNT_CHANGED` is `{"user": id, "to": address, "what": "password" …}`, for the letter that says so.
That of `ACCOUNT_DELETED` is `{"user": id}`: whoever knows something of that account forgets who it was.
That of `STOCK_NOTICE_DUE` is `{"notice": id, "occasion": key of the goods' return}`: a letter is to be written.
"""

CODE_SENT = "code-sent"
ACCOUNT_CHANGED = "account-changed"
ACCOUNT_DELETED = "account-deleted"
STOCK_NOTICE_DUE = "stock-notice-due"
