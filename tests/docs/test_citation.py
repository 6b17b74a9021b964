"""CITATION.cff agrees with the Citation File Format 1.2.0 and with the metadata of the package."""

import re
import tomllib

import yaml

from tests.docs.pages import ROOT

CITATION = yaml.safe_load((ROOT / "CITATION.cff").read_text(encoding="utf-8"))
# Keys of the format (https://github.com/citation-file-format/citation-file-format, schema 1.2.0) that are used here.
KNOWN = {"cff-version", "message", "title", "abstract", "type", "authors", "version", "license", "keywords"}
OF_REFERENCE = {"type", "title", "authors", "collection-title", "volume", "issue", "start", "end", "year", "doi", "url"}


def test_it_has_what_the_format_asks_for():
    assert CITATION["cff-version"] == "1.2.0"
    assert {"cff-version", "message", "title", "authors"} <= set(CITATION) <= KNOWN | {"references"}
    assert CITATION["type"] == "software"
    assert all(set(author) == {"name"} for author in CITATION["authors"])


def test_it_agrees_with_the_package():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    assert CITATION["title"] == project["name"]
    assert CITATION["version"] == project["version"]
    assert CITATION["license"] == project["license"]
    assert CITATION["keywords"] == project["keywords"]
    assert CITATION["abstract"] == project["description"]
    assert CITATION["authors"] == project["authors"]


def test_papers_are_complete():
    references = {each["title"].partition(":")[0]: each for each in CITATION["references"]}
    assert set(references) == {"Auto-Prox", "ParZC"}
    for each in references.values():
        assert set(each) == OF_REFERENCE
        assert all(set(author) == {"family-names", "given-names"} for author in each["authors"])
        assert re.fullmatch(r"10\.\d{4,9}/[-._;()/:a-z0-9]+", each["doi"])
        assert each["start"] < each["end"]
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    assert references["Auto-Prox"]["url"] in readme
