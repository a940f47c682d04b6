"""A report taken apart, for tests to look into."""

import base64
import re
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote_to_bytes

VOID = {"meta", "img", "br", "hr"}


class Page(HTMLParser):
    """Tags, texts, tables and images of a page; a tag left open is an error."""

    def __init__(self, path: Path) -> None:
        super().__init__()
        self.open: list[str] = []
        self.tags: list[str] = []
        self.attributes: list[tuple[str, str]] = []
        self.texts: dict[str, list[str]] = {}
        self.downloads: dict[str, bytes] = {}
        self._tables: list[list[list[str]]] = []
        self._links: dict[str, list[str]] = {}
        self.feed(path.read_text(encoding="utf-8"))
        assert self.open == []

    def handle_starttag(self, tag, attrs):
        self.tags.append(tag)
        held = {name: value or "" for name, value in attrs}
        self.attributes += held.items()
        if "download" in held:
            self.downloads[held["download"]] = base64.b64decode(held["href"].split(",", 1)[1])
        if tag not in VOID:
            self.open.append(tag)
            if tag not in {"bdi", "a", "span", "time"}:
                self.texts.setdefault(tag, []).append("")
        if tag == "table":
            self._tables.append([])
        if tag == "tr":
            self._tables[-1].append([])
        if tag in {"td", "th"}:
            self._tables[-1][-1].append("")

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        around = [tag for tag in self.open if tag not in {"bdi", "a", "span", "time"}]
        if around:
            self.texts[around[-1]][-1] += data
        if around[-1:] in (["td"], ["th"]):
            self._tables[-1][-1][-1] += data
        if self.open[-1:] == ["a"]:
            for tag in around:
                self._links.setdefault(tag, []).append(data)

    def links(self, inside: str) -> list[str]:
        """Texts of links inside a tag."""
        return self._links[inside]

    def headings(self, caption: str) -> list[str]:
        """Names of the columns of the table of that caption."""
        return self._tables[self.texts["caption"].index(caption)][0]

    def rows(self, caption: str) -> list[list[str]]:
        """Cells of the table of that caption, without its heading."""
        return self._tables[self.texts["caption"].index(caption)][1:]

    @property
    def alternatives(self) -> list[str]:
        return [value for name, value in self.attributes if name == "alt"]

    @property
    def images(self) -> list[bytes]:
        sources = [value for name, value in self.attributes if name == "src"]
        return [_content(each) for each in sources]


def _content(source: str) -> bytes:
    found = re.match(r"data:image/(?:svg\+xml|png)(;base64)?,", source)
    assert found
    content = source[found.end() :]
    return base64.b64decode(content) if found[1] else unquote_to_bytes(content)
