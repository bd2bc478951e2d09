"""/dev/mail: the letters of a development shop."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from flask import Flask

from storefront import create_app
from storefront.messaging.mail import Email, FileTransport
from tests.conftest import make_config
from tests.fakes import MemoryPost
from tests.isolated_shop import PRODUCTION
from tests.page_client import Pages


@pytest.fixture
def folder(app: Flask, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> FileTransport:
    """Where letters lie in this test."""
    post = FileTransport(tmp_path / "mail", "shop@localhost")
    monkeypatch.setitem(app.extensions, "mailer", post)
    return post


def lay_down(folder: FileTransport, number: int) -> None:
    folder.send(
        Email(
            id=f"letter-{number}@localhost",
            to="asha@example.com",
            subject=f"Letter {number} <b>&",
            text=f"Hello Asha, this is <i>{number}</i>.",
            html=f'<p style="color:red">Hello Asha, this is {number}.</p><script>alert(1)</script>',
        )
    )
    os.utime(folder.folder / f"letter-{number}@localhost.eml", (number, number))


def test_an_empty_mailbox_says_so(pages: Pages, folder: FileTransport) -> None:
    assert "No e-mails yet" in pages.get("/dev/mail").words


def test_letters_are_listed_newest_first(pages: Pages, folder: FileTransport) -> None:
    for number in (2, 3, 1):
        lay_down(folder, number)
    subjects = [link.get_text() for link in pages.get("/dev/mail").all(".mailbox__subject")]
    assert subjects == ["Letter 3 <b>&", "Letter 2 <b>&", "Letter 1 <b>&"]


def test_a_letter_is_read_as_text(pages: Pages, folder: FileTransport) -> None:
    lay_down(folder, 1)
    letter = pages.get(str(pages.get("/dev/mail").one(".mailbox__subject")["href"]))
    assert letter.one("h1").get_text() == "Letter 1 <b>&"
    assert "To asha@example.com" in letter.words
    assert letter.one("pre").get_text().strip() == "Hello Asha, this is <i>1</i>."


def test_its_html_part_may_look_nice_and_do_nothing(pages: Pages, folder: FileTransport) -> None:
    lay_down(folder, 1)
    letter = pages.get("/dev/mail/letter-1@localhost")
    part = pages.client.get(str(letter.one(".mailbox__html a")["href"]))
    assert "<p style" in part.text
    allowed = part.headers["Content-Security-Policy"]
    assert "default-src 'none'" in allowed
    assert "script-src" not in allowed


@pytest.mark.parametrize("name", ["letter-2@localhost", "letter-1@localhost.eml", "..", "%2e%2e%2fsecret-key", "*"])
def test_a_letter_that_is_not_there_is_not_found(pages: Pages, folder: FileTransport, name: str) -> None:
    lay_down(folder, 1)
    (folder.folder.parent / "secret-key").write_text("hush")
    for address in (f"/dev/mail/{name}", f"/dev/mail/{name}/html"):
        assert pages.client.get(address).status_code == 404


def test_where_letters_are_sent_there_is_no_mailbox(pages: Pages, post: MemoryPost) -> None:
    pages.get("/dev/mail", status=404)


def test_a_real_shop_has_no_such_page(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path}/{{schema}}.db"
    app = create_app(make_config(tmp_path, url, **PRODUCTION))
    assert not [rule for rule in app.url_map.iter_rules() if rule.rule.startswith("/dev")]
