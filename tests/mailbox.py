"""E-mails and text messages sent in a test, after the worker has delivered them."""

from __future__ import annotations

import re
from dataclasses import dataclass

from flask import Flask

from storefront.db.session import db
from storefront.messaging.mail import Email
from storefront.worker import tasks
from tests.fakes import MemoryPost, MemoryTexts


@dataclass
class Mailbox:
    """Delivers the outboxes and reads the e-mails and text messages that were sent."""

    app: Flask
    post: MemoryPost
    texts: MemoryTexts

    def deliver(self) -> None:
        """Deliver all outboxes, as the worker does."""
        db.session.rollback()
        with self.app.app_context(), self.app.test_request_context(base_url=self.app.config["PUBLIC_ORIGIN"]):
            tasks.deliver_outboxes()

    def letters_to(self, address: str) -> list[Email]:
        """Every e-mail to an address, oldest first."""
        self.deliver()
        return [email for email in self.post.letters if email.to == address]

    def code_for(self, address: str) -> str:
        """The code in the last e-mail or text message with one to an address; other news may have come after it."""
        emails = [email.text for email in self.letters_to(address)]
        texts = [message.text for message in self.texts.messages if message.to == address]
        found = [codes for text in emails + texts if (codes := re.findall(r"\b\d{6}\b", text))]
        assert found, f"{address}: {len(emails)} e-mails without a code"
        assert len(found[-1]) == 1, f"{address}: codes {found[-1]}"
        return str(found[-1][0])
