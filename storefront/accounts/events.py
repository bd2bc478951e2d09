"""What the accounts announce through their outbox.

The payload of `CODE_SENT` is `{"code": id}`: the code itself is made when its letter is written.
"""

CODE_SENT = "code-sent"
