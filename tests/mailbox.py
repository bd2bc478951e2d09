"""What people find in their mail: the worker delivers, the test reads."""

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
    """Letters and text messages, once the worker delivered what is due."""

    app: Flask
    post: MemoryPost
    texts: MemoryTexts

    def deliver(self) -> None:
        """Do what the worker does."""
        db.session.rollback()
        with self.app.app_context(), self.app.test_request_context(base_url=self.app.config["PUBLIC_ORIGIN"]):
            tasks.deliver_outboxes()

    def letters_to(self, address: str) -> list[Email]:
        """Every letter to an address, oldest first."""
        self.deliver()
        return [letter for letter in self.post.letters if letter.to == address]

    def code_for(self, address: str) -> str:
        """The code in the last letter or text message to an address."""
        letters = [letter.text for letter in self.letters_to(address)]
        texts = [message.text for message in self.texts.messages if message.to == address]
        found = re.findall(r"\b\d{6}\b", (letters + texts)[-1]) if letters or texts else []
        assert len(found) == 1, f"{address}: {len(letters)} letters, codes {found}"
        return str(found[0])
