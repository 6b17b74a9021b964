"""Parsed pages: tables, sections, links and scripts."""

import base64
import hashlib
from dataclasses import dataclass, field
from html.parser import HTMLParser

VOID = {"meta", "br", "link", "img", "input", "hr"}


@dataclass
class Cell:
    text: str = ""
    values: list[float] = field(default_factory=list)

    @property
    def value(self) -> float | None:
        """The one number of the cell, with all its digits; None for a dash."""
        (value,) = self.values or [None]
        return value


class Page(HTMLParser):
    """A parsed page; refuses elements that are not closed in order."""

    def __init__(self, text: str) -> None:
        super().__init__(convert_charrefs=True)
        self.tags: list[str] = []
        self.attributes: list[tuple[str, str, str]] = []
        self.ids: list[str] = []
        self.tables: dict[str, list[list[Cell]]] = {}
        self.texts: dict[str, str] = {}
        self.facts: dict[str, str] = {}
        self._open: list[tuple[str, str | None]] = []
        self._fact: str | None = None
        self.feed(str(text))  # of Markup, all parts would be escaped again
        self.close()
        assert self._open == []

    def handle_starttag(self, tag, attrs):
        given = {name: value or "" for name, value in attrs}
        self.tags.append(tag)
        self.attributes += [(tag, name, value) for name, value in given.items()]
        if "id" in given:
            self.ids.append(given["id"])
        if tag not in VOID:
            self._open.append((tag, given.get("id")))
        if tag == "table":
            self._rows = self.tables.setdefault(given.get("id", f"table {len(self.tables)}"), [])
        elif tag == "tr":
            self._rows.append([])
        elif tag in ("td", "th"):
            self._rows[-1].append(Cell())
        elif tag == "data" and self._inside("td"):
            self._rows[-1][-1].values.append(float(given["value"]))

    def handle_endtag(self, tag):
        assert self._open.pop()[0] == tag

    def handle_data(self, data):
        if self._inside("td") or self._inside("th"):
            self._rows[-1][-1].text += data
        for tag, identity in self._open:
            for name in {tag, identity} - {None}:
                self.texts[name] = self.texts.get(name, "") + data
        if self._inside("dt"):
            self._fact = data
        elif self._inside("dd") and self._fact is not None:
            self.facts[self._fact] = self.facts.get(self._fact, "") + data

    def _inside(self, tag):
        return any(each == tag for each, _ in self._open)

    def rows(self, table: str) -> dict[str, list[Cell]]:
        """The body of a table: the other cells of each row, by its first cell."""
        return {row[0].text: row[1:] for row in self.tables[table][1:]}


def assert_only_the_own_script_runs(page: Page) -> None:
    """There is one script, and the policy of the page allows no other."""
    assert page.tags.count("script") == 1
    (policy,) = [value for tag, _, value in page.attributes if tag == "meta" and "script-src" in value]
    digest = base64.b64encode(hashlib.sha256(page.texts["script"].encode()).digest()).decode()
    rules = dict(rule.split(" ", 1) for rule in policy.split("; "))
    assert rules["default-src"] == "'none'"
    assert rules["script-src"] == f"'sha256-{digest}'"
    assert "fetch" not in page.texts["script"]
    assert "http" not in page.texts["script"]


def assert_self_contained(page: Page) -> None:
    """Nothing is loaded, only the one script runs, identifiers are unique, and every figure has a text."""
    assert len(page.ids) == len(set(page.ids))
    assert not {"iframe", "object", "embed", "link", "img", "base", "form"} & set(page.tags)
    assert_only_the_own_script_runs(page)
    for tag, name, value in page.attributes:
        assert not name.startswith("on"), (tag, name)
        assert name not in ("src", "srcset", "data", "action", "poster"), (tag, name)
        if name == "href":
            assert value.startswith("#"), (tag, value)
            assert value[1:] in page.ids
        if "url(" in value:
            assert "url(#" in value
    styles = page.texts["style"]
    assert "@import" not in styles
    assert "url(" not in styles
    assert page.tags.count("svg") == sum(name == "aria-label" and tag == "svg" for tag, name, _ in page.attributes)
    assert all(value for tag, name, value in page.attributes if name == "aria-label")
    assert ("meta", "name", "viewport") in page.attributes
