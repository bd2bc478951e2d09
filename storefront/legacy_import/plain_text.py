"""Turns HTML that the old shop stored in its columns into plain text, which is what this shop stores and shows."""

from __future__ import annotations

import html
import re
from html.parser import HTMLParser

_BLOCKS = frozenset(
    """
    address article aside blockquote br caption center dd div dl dt fieldset figcaption figure footer form h1 h2 h3 h4
    h5 h6 header hr li main nav ol p pre section table tbody tfoot thead tr ul
    """.split()  # noqa: SIM905 - a list of 43 strings would be no easier to read
)
_INLINE = frozenset(
    """
    a abbr acronym b bdi bdo big cite code del dfn em font i iframe img input ins kbd label mark q s samp small span
    strike strong sub sup td th time tt u var video wbr
    """.split()  # noqa: SIM905
)
_HIDDEN = frozenset({"script", "style", "template", "title"})  # their content is not shown
_KNOWN = _BLOCKS | _INLINE | _HIDDEN | {"html", "head", "body", "meta", "link"}
_PARAGRAPHS = frozenset({"p", "h1", "h2", "h3", "h4", "h5", "h6", "ul", "ol", "table", "blockquote", "div", "section"})

# A tag of HTML; "a < b", "<3" and "<your name>" are none.
_TAG = re.compile(r"</?([a-z][a-z0-9]*)(?:\s[^<>]*)?/?>", re.IGNORECASE)
# Only whole ones: Python's `unescape` alone would read "&copy" in "AT&copying".
_REFERENCE = re.compile(r"&(?:#[0-9]{1,7}|#[xX][0-9a-fA-F]{1,6}|[a-zA-Z][a-zA-Z0-9]{1,31});")
_AMPERSAND = "\ufdd0"  # a character that Unicode assigns to no text
_SPACE = re.compile(r"\s+")


def is_html(text: str) -> bool:
    """Tell whether a text contains a tag of HTML."""
    return any(tag[1].lower() in _KNOWN for tag in _TAG.finditer(text))


def unescape(text: str) -> str:
    """Replace character references: "Cup &amp; Saucer" becomes "Cup & Saucer"."""
    return _REFERENCE.sub(lambda reference: html.unescape(reference[0]), text)


def to_plain_text(text: str) -> str:
    """Convert HTML to text with a line for each block, and "- " before each entry of a list.

    Text that is no HTML keeps its lines; its character references are replaced all the same, as are those of HTML
    that was stored escaped ("&lt;p&gt;").
    """
    if not is_html(text):
        text = unescape(text)
        if not is_html(text):
            return text.replace("\xa0", " ")
    reader = _Reader(has_blocks=any(tag[1].lower() in _BLOCKS for tag in _TAG.finditer(text)))
    reader.feed(text.replace("&", _AMPERSAND))
    reader.close()
    return reader.text


class _Reader(HTMLParser):
    """Collects the text of HTML in which "&" is written as `_AMPERSAND`: references are replaced at the end.

    :param has_blocks: whether blocks make the lines; line ends of the source are then blanks
    """

    def __init__(self, *, has_blocks: bool) -> None:
        super().__init__(convert_charrefs=False)
        self._has_blocks = has_blocks
        self._parts: list[str] = []
        self._line_ends = 2  # in a row, at the end of the text so far
        self._hidden = 0

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag in _HIDDEN:
            self._hidden += 1
        elif tag not in _KNOWN:
            self.handle_data(self.get_starttag_text() or "")
        else:
            self._break(tag)
            if tag == "li":
                self.handle_data("- ")

    def handle_endtag(self, tag: str) -> None:
        if tag in _HIDDEN:
            self._hidden = max(0, self._hidden - 1)
        elif tag not in _KNOWN:
            self.handle_data(f"</{tag}>")
        else:
            self._break(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag not in _HIDDEN:
            self.handle_starttag(tag, attrs)

    def _break(self, tag: str) -> None:
        """End the line before and after a block, with an empty line for a paragraph; keep the cells of a row apart."""
        if tag in {"td", "th"}:
            self.handle_data(" ")
        elif tag in _BLOCKS:
            missing = 1 if tag == "br" else (2 if tag in _PARAGRAPHS else 1) - self._line_ends
            self._parts.append("\n" * missing)
            self._line_ends += max(0, missing)

    def handle_data(self, data: str) -> None:
        if self._hidden:
            return
        if self._has_blocks:
            data = _SPACE.sub(" ", data)
            if data == " " and self._line_ends:
                return
        self._parts.append(data)
        self._line_ends = 0

    @property
    def text(self) -> str:
        """The text: lines without surrounding blanks, and at most one empty line between two."""
        text = unescape("".join(self._parts).replace(_AMPERSAND, "&")).replace("\xa0", " ")
        lines = "\n".join(re.sub(r"[ \t]+", " ", line).strip() for line in text.splitlines())
        return re.sub(r"\n{3,}", "\n\n", lines).strip()
